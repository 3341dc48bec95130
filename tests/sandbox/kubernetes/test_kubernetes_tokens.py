"""TokenRequest, as kubelets and `kubectl create token` use it, against the emulated cluster."""

from typing import Any

import httpx
import jwt
import pytest

from sandbox.issuers import Issuer
from sandbox.kubernetes import KubernetesCluster
from tests.sandbox.kubernetes.conftest import ISSUER, NOW, causes

ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/s3-reader"
AUDIENCE = "sts.amazonaws.com"


@pytest.fixture(autouse=True)
def account(api: httpx.Client) -> Any:
    body = {"metadata": {"name": "s3-reader"}}
    return api.post("/api/v1/namespaces/default/serviceaccounts", json=body).json()


@pytest.fixture
def pod(api: httpx.Client) -> Any:
    body = {"metadata": {"name": "reader-0"}, "spec": {"serviceAccountName": "s3-reader"}}
    return api.post("/api/v1/namespaces/default/pods", json=body).json()


def request_token(api: httpx.Client, account: str = ACCOUNT, **spec: Any) -> Any:
    return api.post(f"{account}/token", json={"spec": {"audiences": [AUDIENCE], **spec}})


def claims(token: str, issuer: Issuer) -> dict[str, Any]:
    """The claims of a token that verifies against the issuer's published keys, as any verifier reads them."""
    key = jwt.PyJWKSet.from_dict(issuer.jwks())[jwt.get_unverified_header(token)["kid"]]
    decoded: dict[str, Any] = jwt.decode(
        token, key, algorithms=["RS256"], audience=AUDIENCE, options={"verify_exp": False, "verify_nbf": False}
    )
    return decoded


def test_a_token_has_the_claims_that_gke_gives(api: httpx.Client, issuer: Issuer, account: Any) -> None:
    answer = request_token(api, expirationSeconds=7200)

    assert answer.status_code == 201
    found = claims(answer.json()["status"]["token"], issuer)
    assert found.pop("jti")
    assert found == {
        "iss": ISSUER,
        "sub": "system:serviceaccount:default:s3-reader",
        "aud": [AUDIENCE],
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 7200,
        "kubernetes.io": {
            "namespace": "default",
            "serviceaccount": {"name": "s3-reader", "uid": account["metadata"]["uid"]},
        },
    }
    assert answer.json()["status"]["expirationTimestamp"] == "2026-11-24T02:00:00Z"


def test_a_pods_token_names_the_pod(api: httpx.Client, issuer: Issuer, pod: Any) -> None:
    reference = {"apiVersion": "v1", "kind": "Pod", "name": "reader-0", "uid": pod["metadata"]["uid"]}

    token = request_token(api, boundObjectRef=reference).json()["status"]["token"]

    bound = claims(token, issuer)["kubernetes.io"]["pod"]
    assert bound == {"name": "reader-0", "uid": pod["metadata"]["uid"]}


def test_a_token_without_audiences_is_for_the_api_server_alone(api: httpx.Client, issuer: Issuer) -> None:
    token = api.post(f"{ACCOUNT}/token", json={"spec": {}}).json()["status"]["token"]

    assert jwt.decode(token, options={"verify_signature": False})["aud"] == [ISSUER]
    with pytest.raises(jwt.InvalidAudienceError):
        claims(token, issuer)


def test_two_tokens_differ(api: httpx.Client) -> None:
    first, second = (request_token(api).json()["status"]["token"] for _ in range(2))

    assert first != second


def test_a_recreated_service_account_has_the_subject_but_not_the_uid(api: httpx.Client, issuer: Issuer) -> None:
    before = claims(request_token(api).json()["status"]["token"], issuer)
    api.delete(ACCOUNT)
    api.post("/api/v1/namespaces/default/serviceaccounts", json={"metadata": {"name": "s3-reader"}})

    after = claims(request_token(api).json()["status"]["token"], issuer)

    assert after["sub"] == before["sub"]
    assert after["kubernetes.io"]["serviceaccount"]["uid"] != before["kubernetes.io"]["serviceaccount"]["uid"]


@pytest.mark.parametrize(("seconds", "said"), [(599, "less than 10 minutes"), (2**32 + 1, "larger than 2^32 seconds")])
def test_a_too_short_or_too_long_life_is_invalid(api: httpx.Client, seconds: int, said: str) -> None:
    answer = request_token(api, expirationSeconds=seconds)

    assert answer.status_code == 422
    assert causes(answer) == {"spec.expirationSeconds": f"Invalid value: {seconds}: may not specify a duration {said}"}


@pytest.mark.parametrize(
    "spec", [{"audiences": "sts.amazonaws.com"}, {"audiences": [1]}, {"expirationSeconds": "3600"}]
)
def test_a_request_of_wrong_types_is_a_bad_request(api: httpx.Client, spec: dict[str, Any]) -> None:
    assert request_token(api, **spec).json()["reason"] == "BadRequest"


def test_a_missing_service_account_gets_no_token(api: httpx.Client) -> None:
    answer = request_token(api, ACCOUNT.replace("s3-reader", "gone"))

    assert (answer.status_code, answer.json()["message"]) == (404, 'serviceaccounts "gone" not found')


def test_a_deleted_pod_gets_no_token(api: httpx.Client, pod: Any) -> None:
    api.delete("/api/v1/namespaces/default/pods/reader-0")

    answer = request_token(api, boundObjectRef={"kind": "Pod", "name": pod["metadata"]["name"]})

    assert (answer.status_code, answer.json()["message"]) == (404, 'pods "reader-0" not found')


def test_a_recreated_pod_gets_no_token_for_the_old_uid(api: httpx.Client, pod: Any) -> None:
    api.delete("/api/v1/namespaces/default/pods/reader-0")
    api.post("/api/v1/namespaces/default/pods", json={"metadata": {"name": "reader-0"}, "spec": pod["spec"]})

    answer = request_token(api, boundObjectRef={"kind": "Pod", "name": "reader-0", "uid": pod["metadata"]["uid"]})

    assert answer.status_code == 409
    assert "does not match the UID in record" in answer.json()["message"]


def test_a_pod_gets_no_token_of_another_service_account(api: httpx.Client, pod: Any) -> None:
    answer = request_token(
        api,
        "/api/v1/namespaces/default/serviceaccounts/default",
        boundObjectRef={"kind": "Pod", "name": pod["metadata"]["name"]},
    )

    assert answer.status_code == 400
    assert "pod running with different serviceaccount name" in answer.json()["message"]


def test_a_token_can_be_bound_to_nothing_else(api: httpx.Client) -> None:
    answer = request_token(api, boundObjectRef={"kind": "Secret", "name": "s"})

    assert answer.json()["message"] == "cannot bind token to object of type Secret"


def test_who_has_no_operator_token_gets_none(cluster: KubernetesCluster, api: httpx.Client) -> None:
    stolen = request_token(api).json()["status"]["token"]

    known = cluster.operator_token
    for shown in ("", "Bearer", f"Bearer {stolen}", f"Bearer {known[:-1]}", f"Digest {known}", known):
        answer = api.post(f"{ACCOUNT}/token", json={"spec": {}}, headers={"Authorization": shown})
        assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized"), shown
