"""The external_account file, as google-auth itself reads it."""

from pathlib import Path

import pytest
from google.auth import aws, identity_pool

from federation.external_account import external_account

PROVIDER = "projects/960144414359/locations/global/workloadIdentityPools/poc-aws-pool/providers/aws-provider"
EMAIL = "poc-gcp-to-aws-sa@mgr-product-sbx.iam.gserviceaccount.com"


class FixedToken(identity_pool.SubjectTokenSupplier):
    def get_subject_token(self, context: object, request: object) -> str:  # noqa: ARG002 - the interface's names
        return "from the supplier"


def test_for_kind_aws_google_auth_signs_requests_for_the_provider_and_impersonates_the_account() -> None:
    account = external_account(kind="aws", provider_name=PROVIDER, service_account_email=EMAIL)

    credentials = aws.Credentials.from_info(account)  # type: ignore[no-untyped-call]

    assert credentials.service_account_email == EMAIL
    assert credentials.info["audience"] == f"//iam.googleapis.com/{PROVIDER}"


def test_for_kind_oidc_google_auth_reads_the_token_from_the_file(tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("a.b.c")
    account = external_account(
        kind="oidc", provider_name=PROVIDER, service_account_email=EMAIL, token_file=str(token_file)
    )

    credentials = identity_pool.Credentials.from_info(account)  # type: ignore[no-untyped-call]

    assert credentials.retrieve_subject_token(request=None) == "a.b.c"
    assert credentials.service_account_email == EMAIL


def test_for_kind_oidc_without_a_file_google_auth_takes_a_token_supplier() -> None:
    account = external_account(kind="oidc", provider_name=PROVIDER, service_account_email=EMAIL)

    credentials = identity_pool.Credentials.from_info(account, subject_token_supplier=FixedToken())  # type: ignore[no-untyped-call]

    assert credentials.retrieve_subject_token(request=None) == "from the supplier"


def test_a_token_file_for_kind_aws_is_refused_as_it_would_never_be_read() -> None:
    with pytest.raises(ValueError, match="token_file '/token' is for kind oidc"):
        external_account(kind="aws", provider_name=PROVIDER, service_account_email=EMAIL, token_file="/token")
