"""`explain --provider`: why an AWS identity gets into Google Cloud, or does not."""

import json
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from federation.external_account import provider_audience
from federation.workload_identity import (
    aws_attribute_condition,
    aws_attribute_mapping,
    oidc_attribute_condition,
    oidc_attribute_mapping,
)
from tests.doctor.conftest import Answer, Doctor
from tests.doctor.world import ACCOUNT_ID, MEMBER, POOL_NAME, ROLE_ARN, SESSION_ARN, Json, cluster_claims

ROLE = "GCPWorkloadIAMRole"
OUTBOUND = "https://0a1b2c3d-0000-4000-8000-0123456789ab.tokens.sts.global.api.aws"
PROVIDER_NAME = f"{POOL_NAME}/providers/aws-provider"
USER = "roles/iam.workloadIdentityUser"
EMAIL = "poc-gcp-to-aws-sa@mgr-product-sbx.iam.gserviceaccount.com"


def aws_provider(**changes: Any) -> Json:
    """The program's provider of kind aws, as the IAM API has it."""
    provider = {
        "name": PROVIDER_NAME,
        "state": "ACTIVE",
        "aws": {"accountId": ACCOUNT_ID},
        "attributeMapping": aws_attribute_mapping("aws", ACCOUNT_ID),
        "attributeCondition": aws_attribute_condition("aws", ACCOUNT_ID, [ROLE]),
    }
    return provider | changes


def oidc_provider(**changes: Any) -> Json:
    """The program's provider of kind oidc."""
    provider = {
        "name": PROVIDER_NAME,
        "state": "ACTIVE",
        "oidc": {"issuerUri": OUTBOUND, "allowedAudiences": ["sts.amazonaws.com"]},
        "attributeMapping": oidc_attribute_mapping(),
        "attributeCondition": oidc_attribute_condition("aws", ACCOUNT_ID, [ROLE]),
    }
    return provider | changes


def bindings(*members: str, role: str = USER, **more: Any) -> Json:
    """A service account's IAM policy."""
    return {"bindings": [{"role": role, "members": list(members), **more}]}


@dataclass(frozen=True)
class Broken:
    """An identity, a provider, a service account's policy, and the problem that they have together."""

    id: str
    fix: str
    provider: Json
    identity: str | Json = SESSION_ARN
    policy: Json | None = None
    audience: str = ""


BROKEN = {
    "D21 default mapping and long names": Broken(
        "D21",
        "map google.subject to the role's ARN",
        aws_provider(attributeMapping={}, attributeCondition=""),
        f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/{'r' * 64}/{'s' * 64}",
    ),
    "D22 the pool for the provider": Broken(
        "D22", provider_audience(PROVIDER_NAME), aws_provider(), audience=f"//iam.googleapis.com/{POOL_NAME}"
    ),
    "D22 the project's id": Broken(
        "D22",
        provider_audience(PROVIDER_NAME),
        aws_provider(),
        audience=provider_audience(PROVIDER_NAME).replace("960144414359", "mgr-product-sbx"),
    ),
    "D22 no scheme": Broken("D22", provider_audience(PROVIDER_NAME), aws_provider(), audience=PROVIDER_NAME),
    "D22 a deleted provider": Broken("D22", "undelete", aws_provider(state="DELETED")),
    "D22 a token for another audience": Broken(
        "D22",
        "--audience sts.amazonaws.com",
        oidc_provider(),
        cluster_claims(iss=OUTBOUND, sub=ROLE_ARN, aud="https://other.example"),
    ),
    "D23 another role": Broken(
        "D23",
        f"assertion.arn.startsWith('arn:aws:sts::{ACCOUNT_ID}:assumed-role/Other/')",
        aws_provider(),
        f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/Other/s",
    ),
    "D23 a user whose path looks like the role": Broken(
        "D23", "", aws_provider(), f"arn:aws:iam::{ACCOUNT_ID}:user/assumed-role/{ROLE}/s"
    ),
    "D23 a claim that is missing": Broken(
        "D23",
        "add  || ",
        oidc_provider(attributeCondition="assertion.department == 'x'"),
        cluster_claims(iss=OUTBOUND, sub=ROLE_ARN, aud="sts.amazonaws.com"),
    ),
    "D24 nobody": Broken("D24", MEMBER, aws_provider(), policy={}),
    "D24 another role": Broken("D24", MEMBER, aws_provider(), policy=bindings(MEMBER + "2")),
    "D24 the project's id": Broken(
        "D24", MEMBER, aws_provider(), policy=bindings(MEMBER.replace("960144414359", "mgr-product-sbx"))
    ),
    "D24 the session for the role": Broken(
        "D24", MEMBER, aws_provider(), policy=bindings(MEMBER.replace(ROLE_ARN, SESSION_ARN))
    ),
    "D24 the service account itself": Broken("D24", MEMBER, aws_provider(), policy=bindings(f"serviceAccount:{EMAIL}")),
}


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN.keys())
def test_the_problem_is_named_first_with_its_fix(doctor: Doctor, case: Broken) -> None:
    answer = ask(doctor, case.identity, case.provider, case.policy, case.audience)
    assert answer.first["id"] == case.id
    assert case.fix in answer.first["fix"]
    assert answer.status == 1


@pytest.mark.parametrize(
    ("identity", "provider"),
    [
        (SESSION_ARN, aws_provider()),
        (SESSION_ARN, oidc_provider()),
        (cluster_claims(iss=OUTBOUND, sub=ROLE_ARN, aud="sts.amazonaws.com"), oidc_provider()),
        ({"UserId": "A", "Account": ACCOUNT_ID, "Arn": SESSION_ARN}, aws_provider()),
    ],
    ids=["session", "session at oidc", "outbound claims", "get-caller-identity"],
)
def test_nothing_is_wrong_with_what_the_program_makes(doctor: Doctor, identity: str | Json, provider: Json) -> None:
    answer = ask(doctor, identity, provider, bindings(MEMBER), provider_audience(PROVIDER_NAME))
    assert (answer.status, answer.ids) == (0, [])
    assert answer.json["verdict"] == "Google admits the identity."
    assert answer.json["member"] == [{"member": MEMBER}]


@pytest.mark.parametrize(
    "member",
    [f"principalSet://iam.googleapis.com/{POOL_NAME}/*", "allAuthenticatedUsers"],
)
def test_a_set_that_the_identity_is_in_admits_it_too(doctor: Doctor, member: str) -> None:
    assert ask(doctor, SESSION_ARN, aws_provider(), bindings(member)).status == 0


def test_the_default_mapping_is_googles(doctor: Doctor) -> None:
    answer = ask(doctor, SESSION_ARN, aws_provider(attributeMapping={}))
    assert {row["attribute"]: row["value"] for row in answer.json["attributes"]} == {
        "google.subject": SESSION_ARN,
        "attribute.aws_role": f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/{ROLE}",
    }


def test_a_claim_that_a_mapping_needs_fails_the_exchange(doctor: Doctor) -> None:
    mapping = {**oidc_attribute_mapping(), "google.groups": "assertion.groups"}
    claims = cluster_claims(iss=OUTBOUND, sub=ROLE_ARN, aud="sts.amazonaws.com")
    answer = ask(doctor, claims, oidc_provider(attributeMapping=mapping))
    assert answer.status == 1
    assert "Could not obtain a value for google.groups" in answer.first["said"]
    assert "has(assertion.x)" in answer.first["fix"]


@pytest.mark.parametrize(
    "changes",
    [
        {"attributeCondition": "assertion.arn.split('/')[1] == 'GCPWorkloadIAMRole'"},
        {"attributeMapping": {"google.subject": "assertion.arn.lowerAscii()"}},
    ],
    ids=["condition", "mapping"],
)
def test_a_function_that_is_not_known_here_is_unknown(doctor: Doctor, changes: Json) -> None:
    assert ask(doctor, SESSION_ARN, aws_provider(**changes)).status == 3


def test_a_binding_on_a_condition_is_unknown(doctor: Doctor) -> None:
    policy = bindings(MEMBER, condition={"expression": "request.time < timestamp('2030-01-01T00:00:00Z')"})
    assert ask(doctor, SESSION_ARN, aws_provider(), policy).status == 3


def test_a_role_whose_permissions_are_not_known_here_is_unknown(doctor: Doctor) -> None:
    assert ask(doctor, SESSION_ARN, aws_provider(), bindings(MEMBER, role="projects/p/roles/mine")).status == 3


def test_a_service_account_that_was_not_looked_at_is_said(doctor: Doctor) -> None:
    answer = ask(doctor, SESSION_ARN, aws_provider())
    assert answer.status == 0
    assert "--service-account" in answer.json["verdict"]


@pytest.mark.parametrize(
    ("identity", "provider", "says"),
    [
        (f"arn:aws:sts::111122223333:assumed-role/{ROLE}/s", aws_provider(), "the provider is for 211125558983"),
        (cluster_claims(iss=OUTBOUND), aws_provider(), "is of kind aws"),
        (f"arn:aws:iam::{ACCOUNT_ID}:user/u", oidc_provider(), "is of kind oidc"),
        (cluster_claims(iss="https://other.example", aud="sts.amazonaws.com"), oidc_provider(), "is of https://other"),
    ],
    ids=["account", "token at aws", "user at oidc", "issuer"],
)
def test_an_identity_that_the_provider_is_not_for_is_refused(
    doctor: Doctor, identity: str | Json, provider: Json, says: str
) -> None:
    answer = ask(doctor, identity, provider)
    assert answer.status == 1
    assert says in answer.first["said"]


def test_a_token_signed_with_es384_is_refused(doctor: Doctor) -> None:
    claims = cluster_claims(iss=OUTBOUND, sub=ROLE_ARN, aud="sts.amazonaws.com")
    token = jwt.encode(claims, ec.generate_private_key(ec.SECP384R1()), algorithm="ES384")
    doctor.keep_secret(token)
    answer = doctor.run("explain", doctor.file(token), "--provider", doctor.file(oidc_provider()), "--json")
    assert answer.status == 1
    assert "SigningAlgorithm=RS256" in answer.first["fix"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["arn:aws:s3:::bucket"], "aws sts get-caller-identity"),
        ([], "name one token"),
    ],
)
def test_an_identity_that_is_none_is_told_what_to_give(doctor: Doctor, arguments: list[str], says: str) -> None:
    answer = doctor.run("explain", *arguments, "--provider", doctor.file(aws_provider()))
    assert answer.status == 2
    assert says in answer.err


@pytest.mark.parametrize(
    ("provider", "says"),
    [
        ("not json", "is not JSON; give what `gcloud iam workload-identity-pools providers describe"),
        ({"name": "x"}, "not one of aws and oidc; give what `gcloud"),
        ({"name": "x", "aws": {"accountId": 1}}, "aws.accountId: Input should be a valid string; give what `gcloud"),
        (aws_provider(attributeMapping={"a\nb": 1}), "attributeMapping.a b: Input should be a valid string"),
        (aws_provider(attributeCondition="assertion."), "not a CEL expression"),
    ],
)
def test_a_provider_that_is_none_is_told_how_to_get_one(doctor: Doctor, provider: Any, says: str) -> None:
    answer = doctor.run("explain", SESSION_ARN, "--provider", doctor.file(provider))
    assert answer.status == 2
    assert says in answer.err
    assert answer.err.count("\n") == 1


def ask(doctor: Doctor, identity: str | Json, provider: Json, policy: Json | None = None, audience: str = "") -> Answer:
    """`explain --json` of an identity at a provider."""
    subject = identity if isinstance(identity, str) else doctor.file(json.dumps(identity))
    arguments = ["explain", subject, "--provider", doctor.file(provider), "--json"]
    arguments += ["--service-account", doctor.file(policy, "policy.json")] if policy is not None else []
    arguments += ["--exchange-audience", audience] if audience else []
    return doctor.run(*arguments)
