"""The metadata server of a pod."""

from collections.abc import Iterator

import httpx
import jwt
import pytest

from federation.google import WORKLOAD_IDENTITY_USER, kubernetes_member
from sandbox import seed
from sandbox.faults import Faults
from sandbox.google import GoogleCloud, create_metadata_app
from sandbox.http_server import HttpServer
from tests.sandbox.google.conftest import PROJECT, WORKLOAD_POOL, Api, Clock, CurrentApp
from tests.sandbox.google.support import refusal

EMAIL = f"poc-gcp-to-aws-sa@{seed.PROJECT_ID}.iam.gserviceaccount.com"
ACCOUNTS = "/computeMetadata/v1/instance/service-accounts"
IDENTITY = f"{ACCOUNTS}/default/identity?audience=sts.amazonaws.com"
FLAVOR = {"Metadata-Flavor": "Google"}


class Annotation:
    """What the Kubernetes service account's annotation says."""

    value: str | None = EMAIL

    def __call__(self) -> str | None:
        return self.value


@pytest.fixture
def annotation() -> Annotation:
    return Annotation()


@pytest.fixture(scope="module")
def node() -> Iterator[tuple[httpx.Client, CurrentApp]]:
    """A node's metadata server, and a client of the pod that the application stands for."""
    server, current = HttpServer(), CurrentApp()
    server.start(current)
    with httpx.Client(base_url=server.url, headers=FLAVOR, trust_env=False) as client:
        yield client, current
    server.stop()


@pytest.fixture
def pod(node: tuple[httpx.Client, CurrentApp], google: GoogleCloud, annotation: Annotation) -> httpx.Client:
    """A pod of default/s3-reader, before anything is granted to it."""
    client, current = node
    current.app = create_metadata_app(google, "default", "s3-reader", annotation)
    return client


@pytest.fixture
def bound(api: Api) -> Api:
    """The guide's set-up: pool on, account there, default/s3-reader bound."""
    api.enable_workload_pool()
    api.create_account()
    api.grant(EMAIL, WORKLOAD_IDENTITY_USER, kubernetes_member(WORKLOAD_POOL, "default", "s3-reader"))
    return api


@pytest.mark.usefixtures("bound")
def test_a_bound_pod_gets_an_id_token_of_its_account(pod: httpx.Client, google: GoogleCloud) -> None:
    account = google.service_accounts.find(EMAIL)
    assert account is not None
    claims = jwt.decode(pod.get(IDENTITY).text, options={"verify_signature": False})
    assert (claims["aud"], claims["sub"], claims["azp"]) == ("sts.amazonaws.com", account.unique_id, account.unique_id)
    assert "email" not in claims
    full = jwt.decode(pod.get(f"{IDENTITY}&format=full").text, options={"verify_signature": False})
    assert (full["email"], full["email_verified"]) == (EMAIL, True)


def test_a_bound_pods_access_token_is_its_accounts(bound: Api, pod: httpx.Client, google: GoogleCloud) -> None:
    answer = pod.get(f"{ACCOUNTS}/default/token").json()
    principal = google.access_tokens.principal(answer["access_token"])
    assert principal is not None
    assert principal.member == f"serviceAccount:{EMAIL}"
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3599)
    assert bound.http.get(PROJECT).is_success


@pytest.mark.usefixtures("bound")
def test_the_account_is_also_reached_by_its_email_and_no_other_is(pod: httpx.Client) -> None:
    assert pod.get(f"{ACCOUNTS}/{EMAIL}/identity?audience=x").is_success
    assert pod.get(f"{ACCOUNTS}/someone@else/identity?audience=x").status_code == 404


@pytest.mark.usefixtures("bound")
def test_the_pod_is_described(pod: httpx.Client) -> None:
    assert pod.get(f"{ACCOUNTS}/").text == f"default/\n{EMAIL}/\n"
    assert pod.get(f"{ACCOUNTS}/?recursive=true").json()["default"]["email"] == EMAIL
    assert pod.get(f"{ACCOUNTS}/default/?recursive=true").json()["email"] == EMAIL
    assert pod.get(f"{ACCOUNTS}/default/email").text == EMAIL
    assert pod.get("/computeMetadata/v1/project/project-id").text == seed.PROJECT_ID
    assert pod.get("/computeMetadata/v1/project/numeric-project-id").text == seed.PROJECT_NUMBER
    assert pod.get(f"{ACCOUNTS}/default/").text == "aliases\nemail\nidentity\nscopes\ntoken\n"
    assert pod.get("/").headers["metadata-flavor"] == "Google"


@pytest.mark.parametrize(
    "headers", [{"Metadata-Flavor": ""}, {"Metadata-Flavor": "Amazon"}, {**FLAVOR, "X-Forwarded-For": "1.2.3.4"}]
)
@pytest.mark.usefixtures("bound")
def test_a_request_forged_through_a_program_in_the_pod_is_refused(pod: httpx.Client, headers: dict[str, str]) -> None:
    answer = pod.get(IDENTITY, headers=headers)
    assert answer.status_code == 403
    assert answer.text == 'Missing required header "Metadata-Flavor": "Google"\n'


@pytest.mark.usefixtures("bound")
@pytest.mark.parametrize(
    ("path", "begin"),
    [
        ("identity?audience=x", "Unable to generate ID token; IAM returned 403 Forbidden: Permission 'iam.service"),
        ("token", "Unable to generate access token; IAM returned 403 Forbidden: Permission 'iam.service"),
    ],
)
@pytest.mark.parametrize(("namespace", "name"), [("default", "neighbour"), ("other", "s3-reader")])
def test_a_pod_that_is_not_bound_is_refused_and_told_why(
    node: tuple[httpx.Client, CurrentApp],
    google: GoogleCloud,
    annotation: Annotation,
    namespace: str,
    name: str,
    path: str,
    begin: str,
) -> None:
    client, current = node
    current.app = create_metadata_app(google, namespace, name, annotation)
    answer = client.get(f"{ACCOUNTS}/default/{path}")
    assert answer.status_code == 403
    assert answer.text.startswith(begin)
    assert "missing IAM policy binding" in answer.text


def test_a_pod_is_refused_once_its_binding_is_gone(bound: Api, pod: httpx.Client) -> None:
    assert pod.get(IDENTITY).is_success
    bound.post(f"/v1/projects/-/serviceAccounts/{EMAIL}:setIamPolicy", {"policy": {}})
    assert pod.get(IDENTITY).status_code == 403


@pytest.mark.usefixtures("bound")
def test_an_annotation_with_an_unknown_account_is_told(pod: httpx.Client, annotation: Annotation) -> None:
    annotation.value = "nobody@example.com"
    answer = pod.get(IDENTITY)
    assert answer.status_code == 404
    assert "Gaia id not found for email nobody@example.com" in answer.text


@pytest.mark.usefixtures("bound")
def test_without_the_annotation_there_is_no_id_token_and_the_answer_says_what_to_do(
    pod: httpx.Client, annotation: Annotation
) -> None:
    annotation.value = None
    answer = pod.get(IDENTITY)
    assert answer.status_code == 404
    assert answer.text.startswith("Your Kubernetes service account (default/s3-reader) is not annotated with a target")
    assert "Please add the iam.gke.io/gcp-service-account=[GSA_NAME]@[PROJECT_ID] annotation" in answer.text


def test_without_the_annotation_the_pod_acts_as_its_kubernetes_service_account(
    bound: Api, pod: httpx.Client, annotation: Annotation, clock: Clock
) -> None:
    annotation.value = None
    assert pod.get(f"{ACCOUNTS}/").text == f"default/\n{WORKLOAD_POOL}/\n"
    itself = Api(bound.url, pod.get(f"{ACCOUNTS}/default/token").json()["access_token"], clock)
    assert refusal(itself.http.get(PROJECT))[1] == "PERMISSION_DENIED"
    pool = f"projects/{seed.PROJECT_NUMBER}/locations/global/workloadIdentityPools/{WORKLOAD_POOL}"
    member = f"principal://iam.googleapis.com/{pool}/subject/ns/default/sa/s3-reader"
    policy = {"bindings": [{"role": "roles/viewer", "members": [member]}]}
    bound.post(f"{PROJECT}:setIamPolicy", {"policy": policy})
    assert itself.http.get(PROJECT).is_success
    itself.http.close()


def test_without_a_workload_pool_a_pod_gets_nothing(pod: httpx.Client) -> None:
    answer = pod.get(IDENTITY)
    assert answer.status_code == 404
    assert WORKLOAD_POOL in answer.text


@pytest.mark.usefixtures("bound")
@pytest.mark.parametrize("query", ["", "?audience=", "?audience=%20"])
def test_an_id_token_needs_an_audience(pod: httpx.Client, query: str) -> None:
    answer = pod.get(f"{ACCOUNTS}/default/identity{query}")
    assert (answer.status_code, answer.text) == (400, "non-empty audience parameter required\n")


@pytest.mark.usefixtures("bound")
def test_a_metadata_server_that_is_not_up_yet_answers_503(pod: httpx.Client, google: GoogleCloud) -> None:
    google.faults = Faults(error_rate=1)
    assert pod.get(IDENTITY).status_code == 503
    google.faults = Faults()
    assert pod.get(IDENTITY).is_success
