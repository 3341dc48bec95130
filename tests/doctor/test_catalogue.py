"""The catalogue: every problem has its words, its way out and its source; error messages are named by them."""

import re
from pathlib import Path

import pytest

from doctor.catalogue import CATALOGUE, Problem, recognise
from tests.doctor.conftest import Doctor

MESSAGES = {
    "D1": "An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: Not authorized to"
    " perform sts:AssumeRoleWithWebIdentity",
    "D4": "An error occurred (InvalidIdentityToken) when calling the AssumeRoleWithWebIdentity operation: Incorrect"
    " token audience",
    "D5": "InvalidIdentityToken: No OpenIDConnect provider found in your account for https://container.googleapis.com/v1"
    "/projects/p/locations/l/clusters/c",
    "D6": "InvalidIdentityToken: Couldn't retrieve verification key from your identity provider,  please reference"
    " AssumeRoleWithWebIdentity documentation for requirements",
    "D7": "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
    "D8": "EntityAlreadyExists: Provider with url https://container.googleapis.com/v1/x already exists.",
    "D10": "Error 404: Service account x@p.iam.gserviceaccount.com does not exist., notFound",
    "D11": "member deleted:serviceAccount:x@p.iam.gserviceaccount.com?uid=123456789012345678901",
    "D12": "Error creating WorkloadIdentityPool: googleapi: Error 409: Requested entity already exists",
    "D13": "TransportError: Compute Engine Metadata server unavailable on attempt 3 of 3. Reason: timed out",
    "D14": "botocore.exceptions.NoCredentialsError: Unable to locate credentials",
    "D15": "open /var/run/secrets/tokens/aws-token: permission denied",
    "D16": "An error occurred (InvalidClientTokenId) when calling the GetCallerIdentity operation: The security token"
    " included in the request is invalid",
    "D17": "User: arn:aws:sts::1:assumed-role/eks-node-role/i-0 is not authorized to perform: s3:ListAllMyBuckets",
    "D18": "(ExpiredTokenException) when calling the AssumeRoleWithWebIdentity operation: Token expired",
    "D19": "LimitExceeded: Cannot exceed quota for ACLSizePerRole: 2048",
    "D20": "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied",
    "D21": "The size of mapped attribute google.subject exceeds the 127 bytes limit. Either modify your attribute",
    "D22": '{"error":"invalid_request","error_description":"Invalid value for \\"audience\\". This value should be'
    ' the full resource name of the Identity Provider."}',
    "D23": '{"error":"unauthorized_client","error_description":"The given credential is rejected by the attribute'
    ' condition."}',
    "D24": "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).",
    "D25": "RefreshError: Unable to retrieve AWS security credentials",
    "D26": "FAILED_PRECONDITION: Org Policy violated: constraints/iam.workloadIdentityPoolProviders",
    "D28": "InvalidIdentityToken: The ID Token provided is not a valid JWT. (You may see this error if you sent an"
    " Access Token)",
}


def test_it_is_complete() -> None:
    assert list(CATALOGUE) == [f"D{number}" for number in range(1, 29)]


@pytest.mark.parametrize("problem", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_every_problem_has_its_words_its_way_out_and_its_source(problem: Problem) -> None:
    for text in (problem.title, problem.cause, problem.fix):
        assert len(text) > 15
    assert re.match(r"https://[a-z.]+/", problem.source)


@pytest.mark.parametrize(("problem_id", "message"), MESSAGES.items(), ids=MESSAGES.keys())
def test_an_error_message_is_named(problem_id: str, message: str) -> None:
    found = recognise(message)
    assert found is not None
    assert found.id == problem_id


@pytest.mark.parametrize("message", ["", "everything is fine", "error: connection refused", "AccessDenied"])
def test_a_message_of_something_else_is_not(message: str) -> None:
    assert recognise(message) is None


def test_explain_takes_an_error_message(doctor: Doctor) -> None:
    answer = doctor.run("explain", "--error", "-", "--json", stdin=MESSAGES["D25"])
    assert (answer.status, answer.ids) == (1, ["D25"])
    assert "GetWebIdentityToken" in answer.first["fix"]


def test_explain_takes_an_error_message_as_an_argument(doctor: Doctor) -> None:
    assert doctor.run("explain", "--error", MESSAGES["D5"], "--json").ids == ["D5"]


def test_the_guide_to_the_doctor_lists_every_problem() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text()
    assert [line for line in guide.splitlines() if line.startswith("| D")] == [
        f"| {problem.id} | {problem.title} |" for problem in CATALOGUE.values()
    ]


def test_an_error_message_that_is_not_known_is_unknown(doctor: Doctor) -> None:
    answer = doctor.run("explain", "--error", doctor.file("the coffee is cold"), "--json")
    assert answer.status == 3
    assert "--policy FILE" in answer.first["fix"]
