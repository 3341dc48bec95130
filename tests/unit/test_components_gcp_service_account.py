from typing import Any, cast

from components.gcp_service_account import GcpServiceAccount, GcpServiceAccountArgs
from tests.unit.support import ACCOUNT, ACCOUNT_MEMBER, Built, build

TOKEN = "gcpawswif:gcp:ServiceAccount"
ACCOUNT_NAME = "projects/mgr-product-sbx/serviceAccounts/poc-gcp-to-aws-sa@mgr-product-sbx.iam.gserviceaccount.com"
KSA = "serviceAccount:mgr-product-sbx.svc.id.goog[default/s3-reader]"


def build_account(**overrides: Any) -> Built:
    args: dict[str, Any] = {
        "project": "mgr-product-sbx",
        "account_id": "poc-gcp-to-aws-sa",
        "display_name": "GCP to AWS Service Account",
        "token_creators": [],
        "token_creator_role": "roles/iam.serviceAccountOpenIdTokenCreator",
        "kubernetes_member": KSA,
    }
    return build(lambda: GcpServiceAccount("s3-reader-gcp", cast(GcpServiceAccountArgs, args | overrides)))


def test_the_account_is_the_configured_one() -> None:
    account = build_account(description="Reads S3.").one(ACCOUNT)
    assert account.inputs == {
        "project": "mgr-product-sbx",
        "accountId": "poc-gcp-to-aws-sa",
        "displayName": "GCP to AWS Service Account",
        "description": "Reads S3.",
    }


def test_its_outputs_are_those_that_google_computes() -> None:
    assert build_account().outputs_of(TOKEN) == {
        "email": "poc-gcp-to-aws-sa@mgr-product-sbx.iam.gserviceaccount.com",
        "unique_id": "115000000000000000001",
    }


def test_there_is_no_key() -> None:
    types = {registered.type for registered in build_account(token_creators=["user:ada@example.com"]).registered}
    assert types == {TOKEN, ACCOUNT, ACCOUNT_MEMBER}


def test_the_kubernetes_service_account_may_be_it() -> None:
    assert build_account().one(ACCOUNT_MEMBER, "s3-reader-gcp-kubernetes-user").inputs == {
        "serviceAccountId": ACCOUNT_NAME,
        "role": "roles/iam.workloadIdentityUser",
        "member": KSA,
    }


def test_without_a_kubernetes_member_nobody_may_be_it() -> None:
    assert build_account(kubernetes_member=None).all(ACCOUNT_MEMBER) == []


def test_token_creators_are_bound_on_the_account_itself() -> None:
    built = build_account(token_creators=["user:ada@example.com"])
    assert built.one(ACCOUNT_MEMBER, "s3-reader-gcp-token-creator-user:ada@example.com").inputs == {
        "serviceAccountId": ACCOUNT_NAME,
        "role": "roles/iam.serviceAccountOpenIdTokenCreator",
        "member": "user:ada@example.com",
    }


def test_token_creators_are_known_by_who_they_are_so_that_their_order_does_not_matter() -> None:
    one, other = "user:ada@example.com", "group:ops@example.com"
    urns = [
        {member.urn for member in build_account(token_creators=order).all(ACCOUNT_MEMBER)}
        for order in ([one, other], [other, one])
    ]
    assert urns[0] == urns[1]


def test_children_belong_to_it_and_make_room_for_their_replacements() -> None:
    built = build_account(token_creators=["user:ada@example.com"])
    for child in (*built.all(ACCOUNT), *built.all(ACCOUNT_MEMBER)):
        assert child.parent == built.one(TOKEN).urn
        assert child.delete_before_replace, child.name
