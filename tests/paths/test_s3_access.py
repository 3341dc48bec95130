"""What a workload's S3 access lets boto3 do, and everything around it that is refused."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig

from sandbox.engine import Engine
from sandbox.server import Sandbox
from tests.engine.conftest import MakeEngine, stack_config
from tests.paths.support import Outputs, assume_role, aws_client, id_token, refusal, service_account_token

REPORTS = "billing-export-211125558983"
IMAGES = "gar-credential-provider-test"
STATES = "baseline-tfstates-211125558983"
PART = b"x" * (5 * 1024 * 1024)
"""S3 takes no smaller part but the last. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""


@pytest.fixture(scope="module")
def engine(make_engine: MakeEngine) -> Engine:
    """The example, and a workload that may delete."""
    config = stack_config("example")
    config["gcp-aws-wif:workloads"].append(
        {
            "name": "cleaner",
            "routes": ["cluster"],
            "kubernetes": {"namespace": "default", "serviceAccount": "cleaner"},
            "awsRole": {
                "name": "Cleaner",
                "s3": [{"bucket": IMAGES, "access": "read-write-delete", "prefix": "images/"}],
            },
        }
    )
    return make_engine("s3", config)


@pytest.fixture(scope="module")
def outputs(engine: Engine) -> Outputs:
    engine.update("up")
    return engine.outputs()


@pytest.fixture(scope="module")
def operator(sandbox: Sandbox, outputs: Outputs) -> Any:
    """The operator's S3, after a few objects were put there."""
    assert outputs
    s3 = aws_client(sandbox, "s3")
    for bucket in (REPORTS, IMAGES, STATES):
        for key in ("reports/2026.csv", "images/one", "reports-secret/2026.csv", "other/one"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"content")
    return s3


@pytest.fixture(scope="module")
def s3_of(sandbox: Sandbox, outputs: Outputs, operator: Any) -> Callable[[str], Any]:
    """Makes the S3 client of a workload's role."""
    assert operator

    def client(workload: str) -> Any:
        token = service_account_token(sandbox, "default", workload)
        return aws_client(sandbox, "s3", assume_role(sandbox, outputs["workloads"][workload]["aws_role_arn"], token))

    return client


@pytest.fixture(scope="module")
def reader(s3_of: Callable[[str], Any]) -> Any:
    return s3_of("report-reader")


@pytest.fixture(scope="module")
def exporter(s3_of: Callable[[str], Any]) -> Any:
    return s3_of("image-exporter")


@pytest.fixture(scope="module")
def cleaner(s3_of: Callable[[str], Any]) -> Any:
    return s3_of("cleaner")


def keys(s3: Any, bucket: str, prefix: str) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]


def test_a_reader_lists_and_downloads_under_its_prefix(reader: Any) -> None:
    assert keys(reader, REPORTS, "reports/") == ["reports/2026.csv"]
    downloaded = BytesIO()
    reader.download_fileobj(REPORTS, "reports/2026.csv", downloaded)
    assert downloaded.getvalue() == b"content"


@pytest.mark.parametrize(
    ("attempt", "action", "resource"),
    [
        (lambda s3: s3.put_object(Bucket=REPORTS, Key="reports/new", Body=b""), "PutObject", "/reports/new"),
        (lambda s3: s3.delete_object(Bucket=REPORTS, Key="reports/2026.csv"), "DeleteObject", "/reports/2026.csv"),
        (lambda s3: s3.get_object(Bucket=REPORTS, Key="other/one"), "GetObject", "/other/one"),
        (
            lambda s3: s3.get_object(Bucket=REPORTS, Key="reports-secret/2026.csv"),
            "GetObject",
            "/reports-secret/2026.csv",
        ),
        (lambda s3: s3.list_objects_v2(Bucket=REPORTS), "ListBucket", ""),
        (lambda s3: s3.list_objects_v2(Bucket=REPORTS, Prefix="other/"), "ListBucket", ""),
        (lambda s3: s3.list_objects_v2(Bucket=REPORTS, Prefix="reports"), "ListBucket", ""),
    ],
    ids=["upload", "delete", "another prefix", "a neighbouring prefix", "list all", "list another", "list neighbours"],
)
def test_a_reader_is_refused_outside_of_it(
    reader: Any, attempt: Callable[[Any], object], action: str, resource: str
) -> None:
    code, message = refusal(lambda: attempt(reader))
    assert code == "AccessDenied"
    assert f'not authorized to perform: s3:{action} on resource: "arn:aws:s3:::{REPORTS}{resource}"' in message


@pytest.mark.parametrize("bucket", [IMAGES, STATES])
def test_a_reader_is_refused_in_other_buckets(reader: Any, bucket: str) -> None:
    code, message = refusal(lambda: reader.get_object(Bucket=bucket, Key="reports/2026.csv"))
    assert code == "AccessDenied"
    assert "s3:GetObject" in message
    assert refusal(lambda: reader.list_objects_v2(Bucket=bucket, Prefix="reports/"))[0] == "AccessDenied"


def test_a_reader_does_not_learn_which_buckets_there_are(reader: Any) -> None:
    assert refusal(reader.list_buckets)[0] == "AccessDenied"


def test_a_writer_uploads_and_reads_what_it_uploaded(exporter: Any) -> None:
    exporter.upload_fileobj(BytesIO(b"new"), IMAGES, "images/new")
    assert exporter.get_object(Bucket=IMAGES, Key="images/new")["Body"].read() == b"new"


def test_a_writer_uploads_in_parts(exporter: Any) -> None:
    in_parts = TransferConfig(multipart_threshold=len(PART), multipart_chunksize=len(PART), use_threads=False)
    exporter.upload_fileobj(BytesIO(PART + b"rest"), IMAGES, "images/large", Config=in_parts)
    assert exporter.head_object(Bucket=IMAGES, Key="images/large")["ContentLength"] == len(PART) + 4


def test_a_writer_aborts_an_upload_in_parts(exporter: Any) -> None:
    upload = exporter.create_multipart_upload(Bucket=IMAGES, Key="images/aborted")["UploadId"]
    which = {"Bucket": IMAGES, "Key": "images/aborted", "UploadId": upload}
    exporter.upload_part(**which, PartNumber=1, Body=PART)
    assert len(exporter.list_parts(**which)["Parts"]) == 1
    exporter.abort_multipart_upload(**which)
    assert refusal(lambda: exporter.list_parts(**which))[0] == "NoSuchUpload"


def test_a_writer_finds_its_unfinished_uploads(exporter: Any) -> None:
    upload = exporter.create_multipart_upload(Bucket=IMAGES, Key="images/unfinished")["UploadId"]
    found = exporter.list_multipart_uploads(Bucket=IMAGES, Prefix="images/")["Uploads"]
    assert upload in [each["UploadId"] for each in found]


@pytest.mark.parametrize(
    ("attempt", "action"),
    [
        (lambda s3: s3.delete_object(Bucket=IMAGES, Key="images/one"), "DeleteObject"),
        (lambda s3: s3.put_object(Bucket=IMAGES, Key="other/new", Body=b""), "PutObject"),
        (lambda s3: s3.create_multipart_upload(Bucket=IMAGES, Key="other/new"), "PutObject"),
        (
            lambda s3: s3.copy_object(
                Bucket=IMAGES, Key="images/stolen", CopySource={"Bucket": STATES, "Key": "other/one"}
            ),
            "GetObject",
        ),
        (lambda s3: s3.put_object(Bucket=STATES, Key="images/new", Body=b""), "PutObject"),
        (lambda s3: s3.put_bucket_policy(Bucket=IMAGES, Policy="{}"), "PutBucketPolicy"),
        (lambda s3: s3.put_object_acl(Bucket=IMAGES, Key="images/one", ACL="public-read"), "PutObjectAcl"),
    ],
    ids=[
        "delete",
        "another prefix",
        "parts elsewhere",
        "copy from elsewhere",
        "another bucket",
        "the policy",
        "the acl",
    ],
)
def test_a_writer_is_refused_the_rest(exporter: Any, attempt: Callable[[Any], object], action: str) -> None:
    code, message = refusal(lambda: attempt(exporter))
    assert code == "AccessDenied"
    assert f"not authorized to perform: s3:{action}" in message


def test_one_that_may_delete_deletes_under_its_prefix_only(cleaner: Any, operator: Any) -> None:
    operator.put_object(Bucket=IMAGES, Key="images/old", Body=b"")
    cleaner.delete_object(Bucket=IMAGES, Key="images/old")
    assert "images/old" not in keys(operator, IMAGES, "images/")
    assert refusal(lambda: cleaner.delete_object(Bucket=IMAGES, Key="other/one"))[0] == "AccessDenied"


def test_read_only_reads_every_bucket_and_writes_none(sandbox: Sandbox, outputs: Outputs, operator: Any) -> None:
    assert operator
    auditor = aws_client(sandbox, "s3", google_session(sandbox, outputs))
    assert keys(auditor, STATES, "other/") == ["other/one"]
    assert auditor.get_object(Bucket=REPORTS, Key="other/one")["Body"].read() == b"content"
    code, message = refusal(lambda: auditor.put_object(Bucket=STATES, Key="other/one", Body=b"changed"))
    assert code == "AccessDenied"
    assert "s3:PutObject" in message


def google_session(sandbox: Sandbox, outputs: Outputs) -> dict[str, Any]:
    token = id_token(sandbox, "default", "state-auditor")
    return assume_role(sandbox, outputs["workloads"]["state-auditor"]["aws_role_arn"], token)
