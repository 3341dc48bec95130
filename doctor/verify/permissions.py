"""What a session of a workload's role may do, tried: S3 as configured, and nothing in IAM."""

from typing import Any, Final

from doctor.catalogue import CATALOGUE, recognise
from doctor.clouds import aws_api
from doctor.clouds.aws_api import Credentials, aws_errors
from doctor.clouds.cloud import CloudError
from doctor.verify.workload import MadeWorkload

ACCESS_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "403"})


def list_s3(workload: MadeWorkload, credentials: Credentials) -> str:
    """What the role lists in S3, as it is configured to; returns evidence. Raises CloudError."""
    s3 = aws_api.client("s3", workload.region, credentials)
    with aws_errors():
        if workload.s3 == "read-only":
            names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
            return _some(names, "buckets")
        seen = []
        for grant in workload.s3:
            answer = s3.list_objects_v2(Bucket=grant.bucket, Prefix=grant.prefix, MaxKeys=1)
            seen.append(f"{grant.bucket}/{grant.prefix}: {'objects' if answer['KeyCount'] else 'empty'}")
        return ", ".join(seen)


def list_roles(workload: MadeWorkload, credentials: Credentials) -> None:
    """Tries `aws iam list-roles`, which must be refused. Raises CloudError."""
    with aws_errors():
        aws_api.client("iam", workload.region, credentials).list_roles(MaxItems=1)


def s3_refusal(error: CloudError) -> tuple[str, str, str]:
    """The catalogue's id, what is wrong and the fix of a refused listing."""
    problem = recognise(str(error)) or (CATALOGUE["D20"] if error.code in ACCESS_DENIED else None)
    if problem is None:
        return "", str(error), "see that the bucket of the stack file is there, and in the role's partition"
    return problem.id, f"{error}: {problem.title}", problem.fix


def _some(names: list[Any], noun: str) -> str:
    shown = ", ".join(names[:3])
    return f"{len(names)} {noun}" + (f": {shown}" if shown else "") + (", …" if len(names) > 3 else "")
