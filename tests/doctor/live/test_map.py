"""`doctor map`: what it shows of a stack and of an account, and that what a cloud says stays text in every format."""

import json
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor.cli import main
from doctor.errors import UsageError
from doctor.reach.formats import formatted, status
from doctor.reach.html import html
from doctor.reach.mermaid import mermaid
from doctor.reach.model import Edge, Kind, Node, ReachMap
from doctor.reach.permissions import RolePolicy, permission_edges
from doctor.reach.reads import account_map, stack_map
from doctor.reach.svg import svg
from doctor.reach.tree import tree
from doctor.stack import load_stack
from federation.aws import s3_read_only_policy_arn
from federation.google import OPEN_ID_TOKEN_CREATOR
from sandbox import seed
from tests.doctor.live.world import EMAIL, ISSUER, PROJECT, ROLE_ARN, ROLE_NAME, STACK, World

READ_ONLY = "may s3:Get*, s3:List*"


def stack_reach(world: World) -> ReachMap:
    return stack_map(load_stack(STACK, world.directory, world.outputs_file()), lambda _: None)


def arrows(reach: ReachMap) -> list[tuple[str, str]]:
    return [(edge.source.title, edge.target.title) for edge in reach.edges]


def edge(reach: ReachMap, source: str, target: str) -> Edge:
    (found,) = [edge for edge in reach.edges if (edge.source.title, edge.target.title) == (source, target)]
    return found


def test_a_stack_shows_both_ways_in_what_the_role_may_do_and_the_way_back(up: World) -> None:
    assert sorted(arrows(stack_reach(up))) == sorted(
        [
            (EMAIL, ROLE_NAME),
            ("default/s3-reader", ROLE_NAME),
            ("default/s3-reader", EMAIL),
            (ROLE_NAME, "every bucket"),
            (ROLE_NAME, EMAIL),
        ]
    )


def test_arrows_into_the_role_say_what_the_trust_policy_requires(up: World) -> None:
    key = ISSUER.removeprefix("https://")
    assert edge(stack_reach(up), "default/s3-reader", ROLE_NAME).conditions == (
        f"{key}:sub is system:serviceaccount:default:s3-reader",
        f"{key}:aud is sts.amazonaws.com",
    )
    assert f"accounts.google.com:sub is {up.unique_id}" in edge(stack_reach(up), EMAIL, ROLE_NAME).conditions


def test_the_arrow_back_says_what_the_provider_requires(up: World) -> None:
    back = edge(stack_reach(up), ROLE_NAME, EMAIL)
    assert back.how == "roles/iam.workloadIdentityUser"
    assert back.conditions == (
        f"assertion.arn.startsWith('arn:aws:sts::{seed.ACCOUNT_ID}:assumed-role/{ROLE_NAME}/')"
        " (provider aws-provider of pool poc-aws-pool)",
    )


def test_a_person_who_may_make_the_accounts_tokens_is_shown(up: World) -> None:
    up.grant(seed.OPERATOR, role=OPEN_ID_TOKEN_CREATOR)
    assert edge(stack_reach(up), "platform-engineer@example.com", EMAIL).how == OPEN_ID_TOKEN_CREATOR


def test_what_the_account_may_do_in_google_cloud_is_shown(up: World) -> None:
    policy = up.call_google("POST", f"{PROJECT}:getIamPolicy")
    policy["bindings"].append({"role": "roles/storage.admin", "members": [f"serviceAccount:{EMAIL}"]})
    up.call_google("POST", f"{PROJECT}:setIamPolicy", {"policy": policy})
    assert edge(stack_reach(up), EMAIL, "project mgr-product-sbx").how == "roles/storage.admin"


def test_a_healthy_stack_has_no_danger_and_nothing_unread(up: World) -> None:
    reach = stack_reach(up)
    assert (reach.dangers, reach.unread, status(reach)) == ((), (), 0)


def trust_anyone(world: World, condition: dict[str, Any]) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": "accounts.google.com"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    world.iam.update_assume_role_policy(RoleName=ROLE_NAME, PolicyDocument=document)


def test_d27_a_trust_without_a_subject_is_anyone_and_a_danger(up: World) -> None:
    trust_anyone(up, {"StringEquals": {"accounts.google.com:oaud": "sts.amazonaws.com"}})
    reach = stack_reach(up)
    (danger,) = reach.dangers
    assert (danger.source.kind, danger.source.title) == ("anyone", "any subject")
    assert status(reach) == 1


def test_a_pattern_of_subjects_is_not_shown_as_an_identity(up: World) -> None:
    trust_anyone(up, {"StringLike": {"accounts.google.com:sub": "1*"}})
    assert ("any subject like 1*", ROLE_NAME) in arrows(stack_reach(up))


def test_a_policy_that_someone_else_attached_is_shown_too(up: World) -> None:
    up.iam.attach_role_policy(RoleName=ROLE_NAME, PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    assert "iam:Get*" in edge(stack_reach(up), ROLE_NAME, "everything").how


def test_what_can_not_be_read_is_said_and_is_no_pass(up: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.expired")
    reach = stack_reach(up)
    assert status(reach) == 3
    assert all("sign in with" in reason for reason in reach.unread)
    assert (EMAIL, ROLE_NAME) in arrows(reach), "AWS can be read all the same"


def test_a_role_that_is_gone_is_said(up: World) -> None:
    up.iam.detach_role_policy(RoleName=ROLE_NAME, PolicyArn=s3_read_only_policy_arn("aws"))
    up.iam.delete_role(RoleName=ROLE_NAME)
    assert stack_reach(up).unread == (f"there is no role {ROLE_ARN}",)


def test_an_account_shows_the_roles_that_web_identities_reach_and_no_others(up: World) -> None:
    document = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:*"}]}
    up.iam.create_role(RoleName="machine", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", **document}))
    reach = account_map(lambda _: None)
    assert [role.title for role in reach.roles] == [ROLE_NAME]
    assert (EMAIL, ROLE_NAME) in arrows(reach), "the e-mail that the trust pins beside the unique id"
    assert reach.title == f"AWS account {seed.ACCOUNT_ID}"


def uses(*statements: dict[str, Any]) -> list[tuple[str, str]]:
    role = Node("role", "r", "r")
    policy = RolePolicy("p", {"Statement": list(statements)})
    return [(edge.target.title, edge.how) for edge in permission_edges(role, [policy])]


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        (
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/reports/*"},
            [("b/reports/", "may s3:GetObject, by p")],
        ),
        (
            {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::c"]},
            [("b", "may s3:ListBucket, by p"), ("c", "may s3:ListBucket, by p")],
        ),
        (
            {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::*"},
            [("every bucket", "must not s3:*, by p")],
        ),
        (
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            [("every bucket", "may *, by p"), ("everything", "may *, by p")],
        ),
        (
            {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
            [("everything", "may do everything but iam:*, by p")],
        ),
        (
            {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::secret/*"},
            [("all but secret", "may s3:GetObject, by p")],
        ),
        (
            {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "arn:aws:kms:eu-west-1:1:key/k"},
            [("arn:aws:kms:eu-west-1:1:key/k", "may kms:Decrypt, by p")],
        ),
    ],
)
def test_permissions_are_shown_by_what_they_are_about(statement: dict[str, Any], shown: Any) -> None:
    assert uses(statement) == shown


def test_the_tree_has_both_directions(up: World) -> None:
    text = tree(stack_reach(up))
    assert f"role {ROLE_NAME}  {ROLE_ARN}" in text
    reached_by, _, reaches = text.partition("└─ reaches")
    assert "default/s3-reader  (Kubernetes, cluster mgr-main-sbx of mgr-product-sbx)" in reached_by
    assert "every bucket" in reaches
    assert EMAIL in reaches


TITLES = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=80)
MISCHIEF = st.sampled_from(
    [
        "</svg><script>alert(1)</script>",
        "</style><img src=x onerror=alert(1)>",
        '" onload="alert(1)',
        "]]><x/>",
        '"]; click n0 "https://evil.example"',
        "%%{init: {}}%%",
        "end\nclass n0 danger",
    ]
)
HOSTILE = st.one_of(TITLES, MISCHIEF)


KINDS: tuple[Kind, ...] = ("identity", "role", "resource")


@st.composite
def reach_maps(draw: st.DrawFn) -> ReachMap:
    """Maps whose every word is hostile."""
    words = [draw(HOSTILE) for _ in range(13)]
    source, role, target = (Node(kind, f"{kind}{words[n]}", words[n + 3], words[n + 6]) for n, kind in enumerate(KINDS))
    edges = (Edge(source, role, words[9], (words[10],), words[11]), Edge(role, target, words[12], (words[10],)))
    return ReachMap(words[0], edges, (words[1],))


class Document(HTMLParser):
    """Which elements and which attributes a document has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}


@given(reach_maps())
def test_nothing_that_a_cloud_says_becomes_html(reach: ReachMap) -> None:
    document = Document(html(reach, datetime.now(UTC)))
    assert not document.elements & {"script", "img", "a", "iframe", "link", "x", "object", "foreignobject"}
    assert not [name for name in document.attributes if name.startswith("on")]
    assert not document.attributes & {"href", "src", "xlink:href"}, "nothing comes from elsewhere"


@given(reach_maps())
def test_the_picture_is_well_formed_whatever_a_cloud_says(reach: ReachMap) -> None:
    drawn = ET.fromstring(svg(reach))
    titles = {node.title for node in reach.nodes}
    assert len(drawn.findall(".//{http://www.w3.org/2000/svg}rect")) == len(reach.nodes), titles


@given(reach_maps())
def test_nothing_that_a_cloud_says_becomes_mermaid(reach: ReachMap) -> None:
    lines = mermaid(reach).splitlines()
    nodes, edges = len(reach.nodes), len(reach.edges)
    assert len(lines) == 1 + nodes + edges + 1 + len(reach.dangers)
    for line in lines[1 : 1 + nodes + edges]:
        assert line.count('"') == 2
        assert "click" not in line.replace(line.split('"')[1], "")


def test_the_html_forbids_the_browser_to_fetch_anything(up: World) -> None:
    text = formatted(stack_reach(up), "html")
    assert "Content-Security-Policy\" content=\"default-src 'none'" in text
    assert "No arrow lets in more than one named identity." in text
    assert READ_ONLY in text


def command(world: World, *options: str) -> list[str]:
    return ["map", "-s", STACK, "--directory", str(world.directory), "--outputs", str(world.outputs_file()), *options]


@pytest.mark.parametrize("format_", ["tree", "mermaid", "html", "svg"])
def test_every_format_names_the_role_and_no_credential(
    up: World, capsys: pytest.CaptureFixture[str], format_: str
) -> None:
    assert main(command(up, "--format", format_)) == 0
    printed = capsys.readouterr()
    assert ROLE_NAME in printed.out
    assert up.sandbox.google.operator_token not in printed.out + printed.err
    assert "… reading the role of s3-reader" in printed.err


def test_json_has_every_arrow(up: World, capsys: pytest.CaptureFixture[str]) -> None:
    main(command(up, "--json"))
    assert len(json.loads(capsys.readouterr().out)["edges"]) == 5


def test_the_account_is_mapped_by_the_command(up: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", "--account"]) == 0
    assert f"AWS account {seed.ACCOUNT_ID}" in capsys.readouterr().out
    assert up.unique_id


def test_a_stack_that_is_not_up_is_a_usage_error(world: World) -> None:
    with pytest.raises(UsageError, match="run `pulumi up --stack sbx` first"):
        stack_reach(world)
