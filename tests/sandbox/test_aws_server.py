"""The server: the seeded world, starting and ending, faults, and that it keeps to itself."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox import seed
from sandbox.aws import AwsServer
from sandbox.faults import Faults
from sandbox.issuers import Issuers
from tests.sandbox.aws_support import (
    BOTH_ROUTES,
    ROLE_NAME,
    AssumeRole,
    ClientFactory,
    Signer,
    policy,
    refusal,
    trusting,
)

NOT_AUTHORIZED = (403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
PROJECT = Path(__file__).parents[2]


def test_the_operator_is_root_of_the_guides_account(aws_client: ClientFactory) -> None:
    identity = aws_client("sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{seed.ACCOUNT_ID}:root"


def test_the_guides_buckets_are_there_in_the_guides_region(aws_client: ClientFactory) -> None:
    s3 = aws_client("s3")
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == list(seed.BUCKETS)
    assert s3.get_bucket_location(Bucket=seed.BUCKETS[0])["LocationConstraint"] == seed.REGION


def test_reset_takes_away_all_but_the_seed(
    aws: AwsServer, iam: Any, session: dict[str, Any], aws_client: ClientFactory
) -> None:
    iam.enable_outbound_web_identity_federation()
    aws_client("s3").put_object(Bucket=seed.BUCKETS[0], Key="k", Body=b"x")
    aws.faults = Faults(error_rate=1.0)
    aws.reset()
    assert iam.list_roles()["Roles"] == []
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    assert refusal(iam.get_outbound_web_identity_federation_info)[1] == "FeatureDisabled"
    assert "Contents" not in aws_client("s3").list_objects_v2(Bucket=seed.BUCKETS[0])
    assert refusal(aws_client("sts", session).get_caller_identity)[0] == 403


def test_a_server_can_be_stopped_and_another_started() -> None:
    for _ in range(2):
        server = AwsServer(Issuers())
        before = time.monotonic()
        server.start()
        assert time.monotonic() - before < 5
        assert server.url.startswith("http://127.0.0.1:")
        assert httpx.get(server.url, trust_env=False).status_code == 403
        threads = [thread.name for thread in threading.enumerate()]
        server.stop()
        with pytest.raises(httpx.ConnectError):
            httpx.get(server.url, trust_env=False)
        assert len(threading.enumerate()) < len(threads)


@pytest.mark.usefixtures("aws")
def test_nobody_administers_the_emulator_over_its_port(aws_server: AwsServer, aws_client: ClientFactory) -> None:
    assert httpx.post(f"{aws_server.url}/_ministack/reset", trust_env=False).status_code == 404
    assert httpx.get(f"{aws_server.url}/_ministack/health", trust_env=False).status_code == 404
    assert len(aws_client("s3").list_buckets()["Buckets"]) == 3


def test_services_that_would_start_containers_are_not_there(aws_client: ClientFactory) -> None:
    assert refusal(aws_client("lambda").list_functions)[0] == 400


# --- faults ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def faulty(aws: AwsServer) -> Iterator[AwsServer]:
    yield aws
    aws.faults = Faults()


def test_a_new_role_is_not_known_to_sts_until_it_has_propagated(
    faulty: AwsServer, iam: Any, assume: AssumeRole, google_token: Signer
) -> None:
    faulty.faults = Faults(propagation_seconds=0.3)
    iam.delete_role(RoleName=ROLE_NAME)
    iam.create_role(RoleName=ROLE_NAME, AssumeRolePolicyDocument=BOTH_ROUTES)
    assert refusal(assume, google_token()) == NOT_AUTHORIZED
    assert iam.get_role(RoleName=ROLE_NAME)["Role"]["RoleName"] == ROLE_NAME
    time.sleep(0.35)
    assert assume(google_token())["Credentials"]


def test_an_old_trust_policy_counts_until_the_new_one_has_propagated(
    faulty: AwsServer, iam: Any, assume: AssumeRole, google_token: Signer
) -> None:
    someone_else = trusting("accounts.google.com", {"StringEquals": {"accounts.google.com:sub": "1"}})
    faulty.faults = Faults(propagation_seconds=0.3)
    iam.update_assume_role_policy(RoleName=ROLE_NAME, PolicyDocument=policy(someone_else))
    assert assume(google_token())["Credentials"]
    time.sleep(0.35)
    assert refusal(assume, google_token()) == NOT_AUTHORIZED
    assert assume(google_token(sub="1"))["SubjectFromWebIdentityToken"] == "1"


def test_an_unavailable_aws_says_so_as_aws_does(faulty: AwsServer, aws_client: ClientFactory) -> None:
    faulty.faults = Faults(error_rate=1.0)
    refused = refusal(aws_client("sts").get_caller_identity)
    assert refused == (503, "ServiceUnavailable", "Service is unable to handle request.")


def test_latency_is_added_to_a_request(faulty: AwsServer, aws_client: ClientFactory) -> None:
    faulty.faults = Faults(latency_seconds=0.2)
    before = time.monotonic()
    aws_client("sts").get_caller_identity()
    assert time.monotonic() - before >= 0.2


# --- it keeps to itself ---------------------------------------------------------------------------------------------

LIFE = """
import logging, os
before = dict(os.environ)
from sandbox.aws import AwsServer
from sandbox.issuers import Issuers
server = AwsServer(Issuers())
server.start()
server.reset()
server.stop()
assert dict(os.environ) == before, "the environment was changed"
assert logging.getLogger().handlers == [], "the root logger was configured"
"""


def test_a_server_writes_no_file_and_no_line_and_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    environment = {
        **os.environ,
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "PYTHONPATH": str(PROJECT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AUTH": "false",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(tmp_path / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(tmp_path / "s3"),
    }
    run = subprocess.run(
        [sys.executable, "-c", LIFE], cwd=home, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["home", "tmp"]
