"""The token exchange for OIDC providers, mostly from the attacker's side."""

from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from federation.google import WORKLOAD_IDENTITY_USER
from federation.workload_identity import oidc_attribute_condition, oidc_attribute_mapping
from sandbox import seed
from sandbox.google import GoogleCloud
from sandbox.issuers import Issuer
from tests.sandbox.google.conftest import POOLS, PROJECT, Api, Clock
from tests.sandbox.google.support import exchange_refusal, exchange_request, refusal

ISSUER = "https://11111111-2222-3333-4444-555555555555.tokens.sts.global.api.aws"
AUDIENCE = "sts.amazonaws.com"
ROLE = "GCPWorkloadIAMRole"
ROLE_ARN = f"arn:aws:iam::{seed.ACCOUNT_ID}:role/{ROLE}"
EMAIL = f"poc-gcp-to-aws-sa@{seed.PROJECT_ID}.iam.gserviceaccount.com"
POOL_NAME = f"projects/{seed.PROJECT_NUMBER}/locations/global/workloadIdentityPools/poc-aws-pool"
PROVIDER_NAME = f"{POOL_NAME}/providers/aws-provider"
PROVIDER = f"{POOLS}/poc-aws-pool/providers/aws-provider"
SETTINGS: dict[str, Any] = {
    "oidc": {"issuerUri": ISSUER, "allowedAudiences": [AUDIENCE]},
    "attributeMapping": oidc_attribute_mapping(),
    "attributeCondition": oidc_attribute_condition("aws", seed.ACCOUNT_ID, [ROLE]),
}
Sign = Callable[..., str]


@pytest.fixture
def issuer(google: GoogleCloud) -> Issuer:
    return google.issuers.create(ISSUER)


@pytest.fixture
def sign(issuer: Issuer, clock: Clock) -> Sign:
    """Signs a good token, with some claims changed; None takes a claim away."""

    def signed(**changes: Any) -> str:
        now = int(clock())
        claims = {"sub": ROLE_ARN, "aud": AUDIENCE, "iat": now, "exp": now + 300, **changes}
        return issuer.sign({name: value for name, value in claims.items() if value is not None})

    return signed


@pytest.fixture
def provider(api: Api) -> str:
    return api.create_provider(SETTINGS)


@pytest.fixture
def exchange(anonymous: httpx.Client) -> Callable[..., httpx.Response]:
    def post(token: str, **changes: str) -> httpx.Response:
        return anonymous.post("/v1/token", data=exchange_request(PROVIDER_NAME, token) | changes)

    return post


Exchange = Callable[..., httpx.Response]


@pytest.mark.usefixtures("provider")
def test_a_good_token_becomes_the_principal_of_its_subject(google: GoogleCloud, exchange: Exchange, sign: Sign) -> None:
    answer = exchange(sign()).raise_for_status().json()
    principal = google.access_tokens.principal(answer["access_token"])
    assert principal is not None
    assert principal.member == f"principal://iam.googleapis.com/{POOL_NAME}/subject/{ROLE_ARN}"
    assert answer["token_type"] == "Bearer"
    assert answer["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"


@pytest.mark.usefixtures("provider")
def test_the_exchange_takes_json_too(anonymous: httpx.Client, sign: Sign) -> None:
    form = exchange_request(PROVIDER_NAME, sign())
    body = {
        "grantType": form["grant_type"],
        "requestedTokenType": form["requested_token_type"],
        "audience": form["audience"],
        "scope": form["scope"],
        "subjectToken": form["subject_token"],
        "subjectTokenType": form["subject_token_type"],
    }
    assert anonymous.post("/v1/token", json=body).is_success


@pytest.mark.usefixtures("provider")
def test_a_google_token_does_not_outlive_the_token_it_was_made_from(
    exchange: Exchange, sign: Sign, clock: Clock
) -> None:
    assert exchange(sign()).json()["expires_in"] <= 360
    assert exchange(sign(exp=int(clock()) + 86400)).json()["expires_in"] == 3600


@pytest.mark.parametrize(
    ("changes", "error", "part_of_description"),
    [
        ({"iss": "https://attacker.example"}, "invalid_grant", "The issuer in ID Token https://attacker.example does"),
        ({"aud": "other"}, "invalid_grant", "The audience in ID Token [other] does not match the expected audience."),
        ({"aud": 7}, "invalid_grant", "The audience in ID Token [] does not match the expected audience."),
        ({"aud": ["a", "b"]}, "invalid_grant", "The audience in ID Token [a, b] does not match the expected audience."),
        ({"aud": None}, "invalid_grant", "The audience in ID Token [] does not match the expected audience."),
        ({"iat": None}, "invalid_grant", "ID Token issued at null is stale to sign-in."),
        ({"exp": None}, "invalid_grant", "is stale to sign-in."),
        ({"exp": 1_700_000_000}, "invalid_grant", "is stale to sign-in."),
        ({"iat": 1_700_000_000}, "invalid_grant", "ID Token issued at 1700000000 is stale to sign-in."),
        ({"iat": 32_503_680_000}, "invalid_grant", "is stale to sign-in."),
        (
            {"sub": f"{ROLE_ARN}-neighbour"},
            "unauthorized_client",
            "The given credential is rejected by the attribute condition.",
        ),
        ({"sub": None}, "unauthorized_client", "The given credential is rejected by the attribute condition."),
        ({"sub": 7}, "unauthorized_client", "The given credential is rejected by the attribute condition."),
    ],
)
@pytest.mark.usefixtures("provider")
def test_a_token_with_a_wrong_claim_is_refused(
    exchange: Exchange, sign: Sign, changes: dict[str, Any], error: str, part_of_description: str
) -> None:
    found, description = exchange_refusal(exchange(sign(**changes)))
    assert found == error
    assert part_of_description in description


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(max_value=10**9) | st.text(max_size=5),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
)


@pytest.mark.usefixtures("provider")
@given(name=st.sampled_from(["sub", "aud", "iat", "exp"]), value=JSON)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_claim_of_any_type_is_refused_and_never_an_accident(
    exchange: Exchange, sign: Sign, name: str, value: Any
) -> None:
    assert exchange_refusal(exchange(sign(**{name: value})))[0] in {"invalid_grant", "unauthorized_client"}


def forged(key: Any, algorithm: str, key_id: str | None, clock: Clock) -> str:
    now = int(clock())
    claims = {"iss": ISSUER, "sub": ROLE_ARN, "aud": AUDIENCE, "iat": now, "exp": now + 300}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": key_id} if key_id else None)


@pytest.mark.usefixtures("provider")
def test_another_key_under_the_issuers_key_id_is_refused(exchange: Exchange, issuer: Issuer, clock: Clock) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    answer = exchange(forged(key, "RS256", issuer.key_id, clock))
    assert exchange_refusal(answer) == ("invalid_grant", "Unable to verify the ID Token signature.")


@pytest.mark.usefixtures("provider")
def test_a_key_that_the_issuer_does_not_have_is_refused(exchange: Exchange, clock: Clock) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    answer = exchange(forged(key, "RS256", "unknown", clock))
    assert exchange_refusal(answer) == ("invalid_grant", "Error connecting to the given credential's issuer.")


@pytest.mark.usefixtures("provider")
def test_the_issuers_public_key_is_no_hmac_secret(exchange: Exchange, issuer: Issuer, clock: Clock) -> None:
    secret = issuer.jwks()["keys"][0]["n"]
    assert exchange_refusal(exchange(forged(secret, "HS256", issuer.key_id, clock)))[0] == "invalid_grant"


@pytest.mark.usefixtures("provider")
def test_an_unsigned_token_is_refused(exchange: Exchange, issuer: Issuer, clock: Clock) -> None:
    assert exchange_refusal(exchange(forged(None, "none", issuer.key_id, clock)))[0] == "invalid_grant"


@pytest.mark.usefixtures("provider")
def test_es384_is_refused_although_aws_offers_it(exchange: Exchange, issuer: Issuer, clock: Clock) -> None:
    token = forged(ec.generate_private_key(ec.SECP384R1()), "ES384", issuer.key_id, clock)
    error, description = exchange_refusal(exchange(token))
    assert error == "invalid_grant"
    assert "RS256 or ES256" in description


@pytest.mark.usefixtures("provider")
def test_a_token_without_a_key_id_is_refused(exchange: Exchange, clock: Clock) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert exchange_refusal(exchange(forged(key, "RS256", None, clock)))[0] == "invalid_grant"


@pytest.mark.usefixtures("provider")
def test_what_is_no_jwt_is_refused_without_being_quoted(exchange: Exchange) -> None:
    error, description = exchange_refusal(exchange("my-secret-token"))
    assert error == "invalid_request"
    assert "my-secret-token" not in description


@pytest.mark.usefixtures("provider")
def test_a_token_signed_before_the_issuers_key_was_replaced_is_refused(
    exchange: Exchange, issuer: Issuer, sign: Sign
) -> None:
    token = sign()
    issuer.rotate()
    assert exchange_refusal(exchange(token))[1] == "Error connecting to the given credential's issuer."


def test_a_provider_whose_issuer_does_not_exist_accepts_nobody(
    api: Api, exchange: Exchange, google: GoogleCloud, clock: Clock
) -> None:
    sts = {"issuerUri": "https://sts.amazonaws.com", "allowedAudiences": [AUDIENCE]}
    api.create_provider(SETTINGS | {"oidc": sts})
    now = int(clock())
    claims = {"iss": sts["issuerUri"], "sub": ROLE_ARN, "aud": AUDIENCE, "iat": now, "exp": now + 300}
    answer = exchange(google.issuers.create(ISSUER).sign(claims))
    assert exchange_refusal(answer) == ("invalid_grant", "Error connecting to the given credential's issuer.")


def test_keys_given_to_the_provider_stand_in_for_the_issuers(
    api: Api, exchange: Exchange, clock: Clock, anonymous: httpx.Client
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "mine"}
    oidc = SETTINGS["oidc"] | {"jwksJson": httpx.Response(200, json={"keys": [jwk]}).text}
    api.create_provider(SETTINGS | {"oidc": oidc})
    assert anonymous.get("/oauth2/v3/certs").is_success
    assert exchange(forged(key, "ES256", "mine", clock)).is_success


@pytest.mark.parametrize("prefix", ["//iam.googleapis.com/", "https://iam.googleapis.com/"])
def test_without_allowed_audiences_the_providers_own_name_is_the_audience(
    api: Api, exchange: Exchange, sign: Sign, prefix: str
) -> None:
    api.create_provider(SETTINGS | {"oidc": {"issuerUri": ISSUER}})
    assert exchange(sign(aud=prefix + PROVIDER_NAME)).is_success
    assert exchange_refusal(exchange(sign()))[1].startswith("The audience in ID Token [sts.amazonaws.com]")


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize(
    ("changes", "error", "part_of_description"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type", "token-exchange"),
        ({"requested_token_type": "urn:x"}, "invalid_request", "Invalid value of requested_token_type in request."),
        ({"scope": ""}, "invalid_request", "scope"),
        (
            {"audience": f"https://iam.googleapis.com/{PROVIDER_NAME}"},
            "invalid_request",
            'Invalid value for "audience"',
        ),
        ({"audience": "aws-provider"}, "invalid_request", 'Invalid value for "audience"'),
        (
            {"audience": f"//iam.googleapis.com/{PROVIDER_NAME.replace(seed.PROJECT_NUMBER, seed.PROJECT_ID)}"},
            "invalid_target",
            'The target service indicated by the "audience" parameters is invalid.',
        ),
        ({"audience": f"//iam.googleapis.com/{PROVIDER_NAME}-other"}, "invalid_target", "doesn't exist."),
        (
            {"subject_token_type": "urn:ietf:params:aws:token-type:aws4_request"},
            "invalid_request",
            "subject_token_type",
        ),
    ],
)
def test_a_malformed_exchange_is_refused(
    exchange: Exchange, sign: Sign, changes: dict[str, str], error: str, part_of_description: str
) -> None:
    found, description = exchange_refusal(exchange(sign(), **changes))
    assert found == error
    assert part_of_description in description


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize("path", [PROVIDER, f"{POOLS}/poc-aws-pool"])
@pytest.mark.parametrize("end", ["delete", "disable"])
def test_nothing_is_exchanged_through_what_is_deleted_or_disabled(
    api: Api, exchange: Exchange, sign: Sign, path: str, end: str
) -> None:
    if end == "delete":
        api.http.delete(path).raise_for_status()
    else:
        api.http.patch(f"{path}?updateMask=disabled", json={"disabled": True}).raise_for_status()
    assert exchange_refusal(exchange(sign()))[0] == "invalid_target"


@pytest.mark.usefixtures("provider")
def test_a_federated_token_dies_with_its_pool_but_not_with_its_provider(
    api: Api, exchange: Exchange, sign: Sign, clock: Clock
) -> None:
    federated = Api(api.url, exchange(sign()).json()["access_token"], clock)
    api.http.delete(PROVIDER).raise_for_status()
    assert refusal(federated.http.get(PROJECT))[1] == "PERMISSION_DENIED"
    api.http.delete(f"{POOLS}/poc-aws-pool").raise_for_status()
    assert refusal(federated.http.get(PROJECT))[1] == "UNAUTHENTICATED"
    federated.http.close()


@pytest.mark.usefixtures("provider")
def test_a_disabled_security_token_api_says_so(api: Api, exchange: Exchange, sign: Sign) -> None:
    api.post(f"{PROJECT}/services/sts.googleapis.com:disable")
    assert refusal(exchange(sign()))[2].startswith("Security Token Service API has not been used")


@pytest.mark.parametrize(
    "member",
    [
        f"principal://iam.googleapis.com/{POOL_NAME}/subject/{ROLE_ARN}",
        f"principalSet://iam.googleapis.com/{POOL_NAME}/attribute.account/{seed.ACCOUNT_ID}",
        f"principalSet://iam.googleapis.com/{POOL_NAME}/group/readers",
        f"principalSet://iam.googleapis.com/{POOL_NAME}/*",
    ],
)
def test_every_form_of_a_federated_member_can_be_granted_the_account(
    api: Api, exchange: Exchange, sign: Sign, anonymous: httpx.Client, member: str
) -> None:
    mapping = {"google.subject": "assertion.sub", "google.groups": "['readers']"}
    mapping["attribute.account"] = "assertion['https://sts.amazonaws.com/'].aws_account"
    api.create_provider(SETTINGS | {"attributeMapping": mapping})
    api.create_account()
    token = exchange(sign(**{"https://sts.amazonaws.com/": {"aws_account": seed.ACCOUNT_ID}})).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    path, scope = f"/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken", {"scope": ["x"]}
    assert refusal(anonymous.post(path, json=scope, headers=headers))[1] == "PERMISSION_DENIED"
    api.grant(EMAIL, WORKLOAD_IDENTITY_USER, member)
    assert anonymous.post(path, json=scope, headers=headers).is_success


def test_a_subject_of_another_pool_is_another_principal(api: Api, anonymous: httpx.Client, sign: Sign) -> None:
    other = api.create_provider(SETTINGS, pool_id="attackers-pool")
    api.create_provider(SETTINGS)
    api.create_account()
    api.grant(EMAIL, WORKLOAD_IDENTITY_USER, f"principal://iam.googleapis.com/{POOL_NAME}/subject/{ROLE_ARN}")
    token = anonymous.post("/v1/token", data=exchange_request(other, sign())).json()["access_token"]
    answer = anonymous.post(
        f"/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken",
        json={"scope": ["x"]},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert refusal(answer)[1] == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    ("mapping", "claims", "description"),
    [
        ({"google.subject": "assertion.nope"}, {}, "Could not obtain a value for google.subject from the given"),
        ({"google.subject": "''"}, {}, "Could not obtain a value for google.subject from the given credential."),
        ({"google.subject": "assertion.number"}, {"number": 7}, "'google.subject' must be of type STRING."),
        (
            {"google.subject": "assertion.long"},
            {"long": "ä" * 64},
            "The size of mapped attribute google.subject exceeds the 127 bytes limit.",
        ),
        (
            {"google.subject": "assertion.sub", "google.groups": "assertion.groups"},
            {},
            "Could not obtain a value for google.groups",
        ),
        (
            {"google.subject": "assertion.sub", "google.groups": "assertion.groups"},
            {"groups": "admins"},
            "'google.groups' must be of type LIST<STRING>.",
        ),
        (
            {"google.subject": "assertion.sub", "attribute.big": "assertion.big"},
            {"big": "x" * 8192},
            "8192 bytes limit",
        ),
    ],
)
def test_an_assertion_that_can_not_be_mapped_is_refused(
    api: Api, exchange: Exchange, sign: Sign, mapping: dict[str, str], claims: dict[str, Any], description: str
) -> None:
    api.create_provider({"oidc": SETTINGS["oidc"], "attributeMapping": mapping})
    error, found = exchange_refusal(exchange(sign(**claims)))
    assert error == "unauthorized_client"
    assert description in found


def test_a_subject_of_127_bytes_is_accepted(api: Api, exchange: Exchange, sign: Sign) -> None:
    api.create_provider({"oidc": SETTINGS["oidc"], "attributeMapping": {"google.subject": "assertion.sub"}})
    assert exchange(sign(sub="x" * 127)).is_success
    assert exchange_refusal(exchange(sign(sub="x" * 128)))[1].endswith("that is less than 127 bytes.")


def test_an_optional_claim_is_guarded_with_has(api: Api, exchange: Exchange, sign: Sign) -> None:
    groups = "has(assertion.groups) ? assertion.groups : []"
    mapping = {"google.subject": "assertion.sub", "google.groups": groups}
    api.create_provider({"oidc": SETTINGS["oidc"], "attributeMapping": mapping})
    assert exchange(sign()).is_success
    assert exchange(sign(groups=["readers"])).is_success


def test_a_condition_sees_mapped_attributes(api: Api, exchange: Exchange, sign: Sign) -> None:
    mapping = {"google.subject": "assertion.sub", "attribute.team": "assertion.team"}
    condition = f"google.subject == '{ROLE_ARN}' && attribute.team == 'data'"
    api.create_provider(SETTINGS | {"attributeMapping": mapping, "attributeCondition": condition})
    assert exchange(sign(team="data")).is_success
    assert exchange_refusal(exchange(sign(team="other")))[0] == "unauthorized_client"


def test_a_condition_that_is_no_boolean_admits_nobody(api: Api, exchange: Exchange, sign: Sign) -> None:
    api.create_provider(SETTINGS | {"attributeCondition": "assertion.sub"})
    assert exchange_refusal(exchange(sign()))[0] == "unauthorized_client"
