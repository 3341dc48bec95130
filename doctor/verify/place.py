"""Whether this place is set up as a workload's pod: pure functions of its environment, and of its token file.

Only of a pod that has a part of the set-up is the rest expected.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from doctor.catalogue import CATALOGUE
from doctor.clouds.cloud import CloudError
from doctor.findings import Finding
from doctor.token.token_sources import file_token
from doctor.verify.workload import MadeWorkload
from federation.outcome import FAIL, PASS

ROLE, TOKEN_FILE, REGION = "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION"
IN_POD = "KUBERNETES_SERVICE_HOST"
CONTAINER_CREDENTIALS = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
"""https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html"""


def check_place(workloads: Sequence[MadeWorkload], environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """What this process's environment says about its place."""
    if environment.get(IN_POD):
        yield from check_pod(workloads, environment)
    if any(environment.get(name) for name in CONTAINER_CREDENTIALS):
        yield from check_google_library(workloads, environment)


def check_pod(workloads: Sequence[MadeWorkload], environment: Mapping[str, str]) -> Iterator[Finding]:
    """The token, the role and the region that a workload's pod is given."""
    subject = "this pod"
    role = environment.get(ROLE)
    if not role or not environment.get(TOKEN_FILE):
        missing = " and ".join(name for name in (ROLE, TOKEN_FILE) if not environment.get(name))
        yield _problem("D14", subject, f"{missing} is not set: the SDK falls back to other credentials or none")
        return
    if role not in [workload.role_arn for workload in workloads]:
        yield _problem("D14", subject, f"{ROLE} is {role}, which is no role of this stack")
    try:
        file_token(Path(environment[TOKEN_FILE]))
    except CloudError as error:
        yield _problem("D15" if error.code == "PermissionDenied" else "D14", subject, str(error))
    else:
        yield Finding(PASS, subject, f"it has a token for {role}")
    if not environment.get(REGION):
        yield _problem("D16", subject, f"{REGION} is not set")


def check_google_library(workloads: Sequence[MadeWorkload], environment: Mapping[str, str]) -> Iterator[Finding]:
    """Google's library, by an external_account of kind aws, finds no container credentials.
    https://google.aip.dev/auth/4117
    """
    if environment.get("AWS_ACCESS_KEY_ID"):
        return
    for workload in workloads:
        if workload.way_back == "aws":
            yield _problem("D25", f"way back of {workload.name} from this place", CATALOGUE["D25"].cause)


def _problem(catalogue_id: str, subject: str, said: str) -> Finding:
    problem = CATALOGUE[catalogue_id]
    return Finding(FAIL, subject, said, problem.id, problem.fix, problem.source)
