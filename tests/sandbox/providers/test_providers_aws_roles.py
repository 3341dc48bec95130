"""aws.iam.Role, RolePolicy and RolePolicyAttachment, as the engine drives them against the emulated AWS."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.aws import s3_read_only_policy_arn
from sandbox.providers.aws.policies import equivalent_policies
from sandbox.providers.provider import EmulatedProvider
from sandbox.providers.resource import ProviderError
from sandbox.providers.values import UNKNOWN
from tests.sandbox.aws_support import ClientFactory
from tests.sandbox.providers.support import RefusedAtPlanError, Type

READ_ONLY = s3_read_only_policy_arn("aws")
STATEMENT = {
    "Effect": "Allow",
    "Principal": {"Federated": "accounts.google.com"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {
        "StringEquals": {"accounts.google.com:sub": "104851367821912345678", "accounts.google.com:aud": ["a", "b"]}
    },
}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})
SAME_TRUST = json.dumps(
    {
        "Statement": {
            **STATEMENT,
            "Action": ["sts:AssumeRoleWithWebIdentity"],
            "Condition": {
                "StringEquals": {
                    "accounts.google.com:aud": ["b", "a"],
                    "accounts.google.com:sub": ["104851367821912345678"],
                }
            },
        },
        "Version": "2012-10-17",
    },
    indent=2,
)
OTHER_TRUST = TRUST.replace("104851367821912345678", "117000000000000000000")
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}
)


@pytest.fixture
def roles(aws_provider: EmulatedProvider) -> Type:
    return Type(aws_provider, "aws:iam/role:Role")


@pytest.fixture
def inline_policies(aws_provider: EmulatedProvider) -> Type:
    return Type(aws_provider, "aws:iam/rolePolicy:RolePolicy")


@pytest.fixture
def attachments(aws_provider: EmulatedProvider) -> Type:
    return Type(aws_provider, "aws:iam/rolePolicyAttachment:RolePolicyAttachment")


@pytest.fixture
def api(aws_client: ClientFactory) -> Any:
    """The operator's own IAM client, past the provider."""
    return aws_client("iam")


def test_a_role_is_its_name_and_has_what_aws_fills_in(roles: Type) -> None:
    role = roles.create(name="Reader", assumeRolePolicy=TRUST, description="Reads", tags={"team": "core"})

    assert role.id == "Reader"
    assert role.state["arn"] == "arn:aws:iam::211125558983:role/Reader"
    assert role.state["uniqueId"].startswith("AROA")
    assert role.state["createDate"].endswith("Z")
    assert role.state["tagsAll"] == {"team": "core"}


def test_a_role_has_the_real_defaults(roles: Type) -> None:
    role = roles.create(name="Reader", assumeRolePolicy=TRUST)

    given = {key: role.state[key] for key in ("forceDetachPolicies", "maxSessionDuration", "path")}
    assert given == {"forceDetachPolicies": False, "maxSessionDuration": 3600, "path": "/"}


def test_a_preview_knows_the_name_and_not_the_arn(roles: Type) -> None:
    expected = roles.preview(name="Reader", assumeRolePolicy=UNKNOWN)

    assert (expected["name"], expected["arn"], expected["assumeRolePolicy"]) == ("Reader", UNKNOWN, UNKNOWN)


def test_a_role_without_a_name_gets_one_that_later_updates_keep(roles: Type) -> None:
    role = roles.create(assumeRolePolicy=TRUST)

    assert role.id.startswith("example-")
    assert roles.changes(role, assumeRolePolicy=TRUST) == {}


def test_an_autonamed_role_of_a_long_logical_name_is_told_how_long_it_may_be(aws_provider: EmulatedProvider) -> None:
    with pytest.raises(RefusedAtPlanError, match=r"shorten the logical name to 56, or set name"):
        Type(aws_provider, "aws:iam/role:Role", "x" * 57).check({"assumeRolePolicy": TRUST})


def test_a_trust_policy_written_otherwise_is_no_change(roles: Type) -> None:
    role = roles.create(name="Reader", assumeRolePolicy=TRUST)

    assert roles.changes(role, name="Reader", assumeRolePolicy=SAME_TRUST) == {}


def test_another_subject_in_the_trust_policy_is_an_update_in_place(roles: Type, api: Any) -> None:
    role = roles.create(name="Reader", assumeRolePolicy=TRUST)
    assert roles.changes(role, name="Reader", assumeRolePolicy=OTHER_TRUST) == {"assumeRolePolicy": "update"}

    roles.update(role, name="Reader", assumeRolePolicy=OTHER_TRUST)

    live = api.get_role(RoleName="Reader")["Role"]["AssumeRolePolicyDocument"]
    assert live["Statement"][0]["Condition"]["StringEquals"]["accounts.google.com:sub"] == "117000000000000000000"


def test_an_unknown_trust_policy_is_a_change(roles: Type) -> None:
    role = roles.create(name="Reader", assumeRolePolicy=TRUST)

    assert roles.changes(role, name="Reader", assumeRolePolicy=UNKNOWN) == {"assumeRolePolicy": "update"}


def test_each_tag_is_a_change_of_its_own(roles: Type, api: Any) -> None:
    role = roles.create(name="Reader", assumeRolePolicy=TRUST, tags={"team": "core", "cost-center": "1"})
    wanted = {"name": "Reader", "assumeRolePolicy": TRUST, "tags": {"team": "data", "env": "sbx"}}

    assert roles.changes(role, **wanted) == {
        'tags["cost-center"]': "delete",
        "tags.env": "add",
        "tags.team": "update",
    }
    roles.update(role, **wanted)
    assert {tag["Key"]: tag["Value"] for tag in api.list_role_tags(RoleName="Reader")["Tags"]} == wanted["tags"]


def test_description_session_and_boundary_are_updated_in_place(roles: Type, api: Any) -> None:
    role = roles.create(name="Reader", assumeRolePolicy=TRUST, description="Reads", permissionsBoundary=READ_ONLY)
    changed = {"name": "Reader", "assumeRolePolicy": TRUST, "maxSessionDuration": 7200}

    assert roles.changes(role, **changed) == {
        "description": "delete",
        "maxSessionDuration": "update",
        "permissionsBoundary": "delete",
    }
    roles.update(role, **changed)
    live = api.get_role(RoleName="Reader")["Role"]
    assert (live.get("Description", ""), live["MaxSessionDuration"]) == ("", 7200)
    assert "PermissionsBoundary" not in live


@pytest.mark.parametrize("changed", [{"name": "Writer"}, {"path": "/pods/"}])
def test_another_name_or_path_replaces_the_role(roles: Type, changed: dict[str, str]) -> None:
    role = roles.create(name="Reader", assumeRolePolicy=TRUST)

    answer = roles.diff(role, **{"name": "Reader", "assumeRolePolicy": TRUST, **changed})

    assert answer.replaces == list(changed)


def test_a_replaced_role_that_keeps_its_name_is_deleted_first(roles: Type) -> None:
    role = roles.create(name="Reader", assumeRolePolicy=TRUST)

    assert roles.diff(role, name="Reader", assumeRolePolicy=TRUST, path="/pods/").delete_before_replace
    assert not roles.diff(role, name="Writer", assumeRolePolicy=TRUST).delete_before_replace


def test_ignored_changes_are_none(roles: Type) -> None:
    role = roles.create(name="Reader", assumeRolePolicy=TRUST)

    assert not roles.diff(role, "description", name="Reader", assumeRolePolicy=TRUST, description="New").changes


def test_a_refresh_sees_what_others_changed_and_the_next_update_mends_it(roles: Type, api: Any) -> None:
    role = roles.create(name="Reader", assumeRolePolicy=TRUST)
    api.update_assume_role_policy(RoleName="Reader", PolicyDocument=OTHER_TRUST)
    api.update_role(RoleName="Reader", Description="by hand")

    refreshed = roles.refresh(role)

    assert refreshed is not None
    assert roles.changes(refreshed, name="Reader", assumeRolePolicy=TRUST) == {
        "assumeRolePolicy": "update",
        "description": "delete",
    }


def test_a_role_that_others_deleted_is_dropped_by_a_refresh(roles: Type, api: Any) -> None:
    role = roles.create(name="Reader", assumeRolePolicy=TRUST)
    api.delete_role(RoleName="Reader")

    assert roles.refresh(role) is None


def test_deleting_a_role_that_is_gone_succeeds(roles: Type, api: Any) -> None:
    role = roles.create(name="Reader", assumeRolePolicy=TRUST)
    api.delete_role(RoleName="Reader")

    roles.delete(role)


def test_an_imported_role_is_no_change_for_the_program_that_describes_it(roles: Type) -> None:
    described: dict[str, Any] = {"name": "Reader", "assumeRolePolicy": TRUST, "description": "R", "tags": {"a": "b"}}
    roles.create(**described)

    imported = roles.import_by("Reader")

    assert imported is not None
    assert roles.changes(imported, **described) == {}
    assert imported.inputs["description"] == "R"


def test_a_role_with_policies_is_deleted_only_by_force(roles: Type, attachments: Type, api: Any) -> None:
    held = roles.create(name="Held", assumeRolePolicy=TRUST)
    forced = roles.create(name="Forced", assumeRolePolicy=TRUST, forceDetachPolicies=True)
    for name in ("Held", "Forced"):
        attachments.create(role=name, policyArn=READ_ONLY)

    with pytest.raises(ProviderError, match=r"deleting IAM Role .Held.*DeleteConflict"):
        roles.delete(held)
    roles.delete(forced)
    assert [role["RoleName"] for role in api.list_roles()["Roles"]] == ["Held"]


def test_a_taken_name_is_refused_by_the_cloud_with_its_own_words(roles: Type) -> None:
    roles.create(name="Reader", assumeRolePolicy=TRUST)

    with pytest.raises(ProviderError, match=r"creating IAM Role \(Reader\).*StatusCode: 409, EntityAlreadyExists"):
        roles.create(name="Reader", assumeRolePolicy=TRUST)


@pytest.mark.parametrize(
    ("property_name", "value", "said"),
    [
        ("name", "has space", r"must be 1-64 characters and match \[\\w\+=,.@-\]"),
        ("name", "x" * 65, "must be 1-64 characters"),
        ("maxSessionDuration", 3599, r"expected to be in the range \(3600 - 43200\), got 3599"),
        ("maxSessionDuration", 43201, r"expected to be in the range \(3600 - 43200\), got 43201"),
        ("maxSessionDuration", "long", "expected a whole number, got 'long'"),
        ("assumeRolePolicy", "not json", "contains an invalid JSON policy"),
        ("assumeRolePolicy", "[]", "expected a JSON object"),
        ("assumeRolePolicy", {"Version": "2012-10-17"}, "expected a string"),
        ("description", "x" * 1001, r"expected the length to be in the range \(0 - 1000\)"),
        ("permissionsBoundary", "ReadOnly", "is an invalid ARN"),
        ("tags", {"team": 1}, "expected a string, got 1"),
        ("managedPolicyArns", [], "the sandbox's aws:iam/role:Role has no input 'managedPolicyArns'; it has: assume"),
    ],
)
def test_a_preview_refuses_what_the_real_provider_refuses(
    roles: Type, property_name: str, value: Any, said: str
) -> None:
    with pytest.raises(RefusedAtPlanError, match=said):
        roles.check({"name": "Reader", "assumeRolePolicy": TRUST, property_name: value})


def test_a_missing_trust_policy_is_named(roles: Type) -> None:
    with pytest.raises(RefusedAtPlanError, match="assumeRolePolicy is required"):
        roles.check({"name": "Reader"})


def test_an_empty_trust_policy_passes_the_preview_and_is_refused_by_the_cloud(roles: Type) -> None:
    assert roles.check({"name": "Reader", "assumeRolePolicy": "{}"})

    with pytest.raises(ProviderError, match="MalformedPolicyDocument"):
        roles.create(name="Reader", assumeRolePolicy="{}")


def test_an_inline_policy_is_role_and_name(roles: Type, inline_policies: Type, api: Any) -> None:
    roles.create(name="Reader", assumeRolePolicy=TRUST)

    policy = inline_policies.create(role="Reader", name="buckets", policy=POLICY)

    assert policy.id == "Reader:buckets"
    assert api.get_role_policy(RoleName="Reader", PolicyName="buckets")["PolicyDocument"] == json.loads(POLICY)


def test_an_inline_policy_is_updated_refreshed_imported_and_deleted(
    roles: Type, inline_policies: Type, api: Any
) -> None:
    roles.create(name="Reader", assumeRolePolicy=TRUST)
    policy = inline_policies.create(role="Reader", name="buckets", policy=POLICY)
    wider = POLICY.replace("s3:ListBucket", "s3:GetObject")

    assert inline_policies.changes(policy, role="Reader", name="buckets", policy=wider) == {"policy": "update"}
    updated = inline_policies.update(policy, role="Reader", name="buckets", policy=wider)
    imported = inline_policies.import_by("Reader:buckets")
    assert imported is not None
    assert inline_policies.changes(imported, role="Reader", name="buckets", policy=wider) == {}
    inline_policies.delete(updated)
    assert api.list_role_policies(RoleName="Reader")["PolicyNames"] == []
    assert inline_policies.refresh(updated) is None
    inline_policies.delete(updated)


def test_an_inline_policy_of_another_role_is_a_replacement(roles: Type, inline_policies: Type) -> None:
    roles.create(name="Reader", assumeRolePolicy=TRUST)
    policy = inline_policies.create(role="Reader", name="buckets", policy=POLICY)

    assert inline_policies.diff(policy, role="Writer", name="buckets", policy=POLICY).replaces == ["role"]


def test_a_role_given_by_its_arn_is_refused_at_preview(inline_policies: Type) -> None:
    with pytest.raises(RefusedAtPlanError, match="must be the role's name not its ARN"):
        inline_policies.check({"role": "arn:aws:iam::211125558983:role/Reader", "policy": POLICY})


def test_an_attachment_is_role_and_policy(roles: Type, attachments: Type, api: Any) -> None:
    roles.create(name="Reader", assumeRolePolicy=TRUST)

    attachment = attachments.create(role="Reader", policyArn=READ_ONLY)

    assert attachment.id == f"Reader/{READ_ONLY}"
    attached = api.list_attached_role_policies(RoleName="Reader")["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [READ_ONLY]


def test_an_attachment_is_refreshed_imported_and_deleted(roles: Type, attachments: Type, api: Any) -> None:
    roles.create(name="Reader", assumeRolePolicy=TRUST)
    attachment = attachments.create(role="Reader", policyArn=READ_ONLY)

    assert attachments.import_by(f"Reader/{READ_ONLY}") is not None
    api.detach_role_policy(RoleName="Reader", PolicyArn=READ_ONLY)
    assert attachments.refresh(attachment) is None
    attachments.delete(attachment)
    assert attachments.import_by(f"Gone/{READ_ONLY}") is None


def test_an_attachment_of_another_policy_is_a_replacement(roles: Type, attachments: Type) -> None:
    roles.create(name="Reader", assumeRolePolicy=TRUST)
    attachment = attachments.create(role="Reader", policyArn=READ_ONLY)
    other = READ_ONLY.replace("ReadOnly", "Full")

    assert attachments.diff(attachment, role="Reader", policyArn=other).replaces == ["policyArn"]


@pytest.mark.parametrize(
    ("type_name", "wrong_id", "said"),
    [("inline_policies", "Reader", "ROLE:POLICY"), ("attachments", "Reader", "ROLE/POLICY_ARN")],
)
def test_an_import_by_a_wrong_id_says_the_form(
    request: pytest.FixtureRequest, type_name: str, wrong_id: str, said: str
) -> None:
    with pytest.raises(ProviderError, match=said):
        request.getfixturevalue(type_name).import_by(wrong_id)


names = st.text("abc", min_size=1, max_size=3)
values = st.recursive(names, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3))


@given(st.dictionaries(names, values, max_size=3), st.randoms())
def test_no_order_and_no_lone_list_makes_policies_differ(document: dict[str, Any], random: Any) -> None:
    def rewritten(value: Any) -> Any:
        if isinstance(value, dict):
            items = list(value.items())
            random.shuffle(items)
            return {key: rewritten(item) for key, item in items}
        if isinstance(value, list):
            shuffled = [rewritten(item) for item in value]
            random.shuffle(shuffled)
            return shuffled
        return [value] if random.random() < 0.5 else value

    assert equivalent_policies(json.dumps(document), json.dumps(rewritten(document)))


@given(names, names)
def test_another_value_makes_policies_differ(left: str, right: str) -> None:
    documents = [json.dumps({"Statement": [{"Action": value}]}) for value in (left, right)]

    assert equivalent_policies(*documents) == (left == right)
