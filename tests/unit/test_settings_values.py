"""Every value past a limit is refused, with the rule, its source and a value that works."""

import re
from typing import Any

import pytest

from federation import aws, google
from tests.unit.settings_support import (
    ABSENT,
    CLUSTER,
    ISSUER,
    OIDC_PROVIDER,
    POOL,
    WORKLOAD,
    WORKLOADS,
    Path_,
    changed,
    error_text,
    only_problem,
    problems,
)

ROLE = (*WORKLOAD, "awsRole")
ACCOUNT = (*WORKLOAD, "gcpServiceAccount")
KUBERNETES = (*WORKLOAD, "kubernetes")
PROVIDER = (POOL, "provider")
GRANT = (*ROLE, "s3", 0)
BOUNDARY = "arn:aws:iam::211125558983:policy/Boundary"

WRONG: list[tuple[Path_, Any, str]] = [
    # Google Cloud
    (("gcp:project",), "960144414359", "not its number"),
    (("gcp:project",), "Mgr Product", "6-30"),
    ((CLUSTER, "name"), "mgr_main_sbx", "1-40"),
    ((CLUSTER, "name"), "c" * 41, "1-40"),
    ((CLUSTER, "name"), "projects/p/locations/l/clusters/mgr-main-sbx", "1-40"),
    ((CLUSTER, "location"), "Europe", "region or a zone"),
    ((CLUSTER, "project"), "x", "project id"),
    ((CLUSTER, "workloadPool"), "enabled", "enable"),
    ((*ACCOUNT, "id"), "short", "6-30"),
    ((*ACCOUNT, "id"), "a" * 31, "6-30"),
    ((*ACCOUNT, "id"), "poc-gcp-to-aws-sa@mgr-product-sbx.iam.gserviceaccount.com", "not its e-mail"),
    ((*ACCOUNT, "id"), "1-starts-with-a-digit", "first a letter"),
    ((*ACCOUNT, "id"), "ends-with-a-hyphen-", "last no hyphen"),
    ((*ACCOUNT, "displayName"), "ü" * 51, "100 bytes"),
    ((*ACCOUNT, "description"), "ü" * 129, "256 bytes"),
    ((*ACCOUNT, "tokenCreators"), ["platform-engineer@example.com"], "type in front"),
    ((*ACCOUNT, "tokenCreators"), ["ci@p-123456.iam.gserviceaccount.com"], "type in front"),
    ((*ACCOUNT, "tokenCreators"), ["allUsers"], "anybody on the internet"),
    ((*ACCOUNT, "tokenCreators"), ["allAuthenticatedUsers"], "anybody on the internet"),
    ((*ACCOUNT, "tokenCreators"), ["principalSet://goog/public:all"], "anybody on the internet"),
    (
        (*ACCOUNT, "tokenCreators"),
        ["principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/*"],
        "whole pool",
    ),
    ((*ACCOUNT, "tokenCreatorRole"), "iam.serviceAccountTokenCreator", "roles/NAME"),
    ((*ACCOUNT, "tokenCreatorRole"), "owner!", "roles/NAME"),
    ((*ACCOUNT, "project"), "UPPER", "project id"),
    ((POOL, "id"), "abc", "4-32"),
    ((POOL, "id"), "p" * 33, "4-32"),
    ((POOL, "id"), "gcp-aws-pool", "starts with gcp-"),
    ((POOL, "id"), "projects/960144414359/locations/global/workloadIdentityPools/poc-aws-pool", "not the full"),
    ((POOL, "displayName"), "x" * 33, "32 characters"),
    ((POOL, "description"), "x" * 257, "256 characters"),
    ((*PROVIDER, "id"), "gcp-provider", "starts with gcp-"),
    ((*PROVIDER, "id"), "Provider_1", "4-32"),
    ((*PROVIDER, "displayName"), "x" * 33, "32 characters"),
    ((*PROVIDER, "kind"), "saml", "one of aws, oidc"),
    # AWS
    (("aws:region",), "Europe", "region"),
    (("aws:region",), "EU-WEST-1", "region"),
    (("aws:region",), "us-iso-east-1", "none of the partitions aws, aws-us-gov, aws-cn"),
    (("aws:allowedAccountIds",), [211125558983], "in quotes"),
    (("aws:allowedAccountIds",), [11125558983], "leading zeros"),
    (("aws:allowedAccountIds",), ["2111-2555-8983"], "12 digits"),
    (("aws:allowedAccountIds",), [], "at least one account"),
    (("aws:allowedAccountIds",), ["211125558983"] * 2, "more than once"),
    ((*ROLE, "name"), "r" * 65, "1-64"),
    ((*ROLE, "name"), "Role*", "1-64"),
    ((*ROLE, "name"), "", "is empty"),
    ((*ROLE, "name"), "arn:aws:iam::211125558983:role/GCPWorkloadIAMRole", "not its ARN"),
    ((*ROLE, "audience"), "", "is empty"),
    ((*ROLE, "audience"), "a" * 256, "has 256 characters"),
    ((*ROLE, "audience"), "sts.*", "patterns"),
    ((*ROLE, "audience"), "sts?amazonaws.com", "patterns"),
    ((*ROLE, "audience"), "${aws:username}", "patterns"),
    ((*ROLE, "maxSessionDuration"), 3599, "3600 to 43200"),
    ((*ROLE, "maxSessionDuration"), 43201, "3600 to 43200"),
    ((*ROLE, "maxSessionDuration"), "7200", "is text, not a number"),
    ((*ROLE, "maxSessionDuration"), 7200.5, "3600 to 43200"),
    ((*ROLE, "description"), "“quoted”", "Latin-1"),
    ((*ROLE, "description"), "x" * 1001, "1,000"),
    ((*ROLE, "permissionsBoundary"), "Boundary", "ARN of a managed policy"),
    ((*ROLE, "permissionsBoundary"), BOUNDARY.replace(":aws:", ":aws-cn:"), "partition aws"),
    ((*ROLE, "permissionsBoundary"), BOUNDARY.replace("2111", "9999"), "role's own account"),
    ((*ROLE, "tags"), {"team": "x" * 257}, "256"),
    ((*ROLE, "tags"), {"team": "a*b"}, "letters, digits"),
    ((*ROLE, "tags"), {"cost-center": 4711}, "must be text"),
    ((*ROLE, "s3"), "read-write", "read-only"),
    ((*ROLE, "s3"), True, "list of buckets"),
    ((*ROLE, "s3"), [], "at least one bucket"),
    ((*ROLE, "s3"), [{"bucket": "b", "access": "read-only"}], "3-63"),
    ((*ROLE, "s3"), [{"bucket": "My_Bucket", "access": "read-only"}], "3-63"),
    ((*ROLE, "s3"), [{"bucket": "10.0.0.1", "access": "read-only"}], "IP address"),
    ((*ROLE, "s3"), [{"bucket": "s3://my-bucket/key", "access": "read-only"}], "3-63"),
    ((*ROLE, "s3"), [{"bucket": "arn:aws:s3:::my-bucket", "access": "read-only"}], "not its ARN"),
    ((*ROLE, "s3"), [{"bucket": "my-bucket", "access": "write"}], "read-write"),
    ((*ROLE, "s3"), [{"bucket": "my-bucket", "access": "read-only", "prefix": "team"}], "its neighbours"),
    ((*ROLE, "s3"), [{"bucket": "my-bucket", "access": "read-only", "prefix": "/team/"}], "no slash first"),
    ((*ROLE, "s3"), [{"bucket": "my-bucket", "access": "read-only", "prefix": "team/*"}], "pattern"),
    ((*ROLE, "s3"), [{"bucket": "my-bucket", "access": "read-only", "prefix": "${aws:userid}/"}], "pattern"),
    ((*ROLE, "s3"), [{"bucket": "my-bucket", "access": "read-only", "prefix": "é" * 512 + "/"}], "1,024 bytes"),
    ((*ROLE, "s3"), [{"bucket": "my-bucket", "access": "read-only", "kmsKeyArns": ["alias/x"]}], "ARN of a key"),
    ((OIDC_PROVIDER, "clientIds"), [], "1-100 client ids"),
    ((OIDC_PROVIDER, "clientIds"), "sts.amazonaws.com", "is text"),
    ((OIDC_PROVIDER, "clientIds"), [""], "is empty"),
    ((OIDC_PROVIDER, "clientIds"), ["sts.amazonaws.com", "sts.amazonaws.com"], "more than once"),
    ((OIDC_PROVIDER, "clientIds"), ["sts.amazonaws.com", *(f"id-{n}" for n in range(100))], "1-100"),
    ((OIDC_PROVIDER, "thumbprints"), ["08:74:54:87:e8:91:c1:9e:30:78:c1:f2:a0:7e:45:29:50:ef:36:f6"], "separators"),
    ((OIDC_PROVIDER, "thumbprints"), [f"{n}" * 40 for n in range(6)], "at most 5"),
    ((OIDC_PROVIDER, "mode"), "adopt", "one of create, lookup"),
    # Kubernetes and Pulumi
    ((*KUBERNETES, "namespace"), "Default", "1-63"),
    ((*KUBERNETES, "namespace"), "n" * 64, "1-63"),
    ((*KUBERNETES, "namespace"), "*", "1-63"),
    ((*KUBERNETES, "container"), "My App", "a container's name"),
    ((*KUBERNETES, "container"), "c" * 64, "1-63"),
    ((*KUBERNETES, "serviceAccount"), "s3_reader", "253"),
    ((*KUBERNETES, "serviceAccount"), "s" * 254, "253"),
    ((*KUBERNETES, "manage"), "true", "true or false"),
    ((*WORKLOAD, "name"), "S3 reader", "1-40"),
    ((*WORKLOAD, "name"), "w" * 41, "1-40"),
    ((*WORKLOAD, "routes"), ["gogle", "cluster"], "one of google, cluster"),
    ((*WORKLOAD, "routes"), [], "each once"),
    ((*WORKLOAD, "routes"), ["google", "google", "cluster"], "more than once"),
    ((*WORKLOAD, "routes"), "cluster", "must be a list"),
    ((*WORKLOAD, "returnToGcp"), "yes", "true or false"),
    (("gcp-aws-wif:protect",), "yes", "true or false"),
    (("gcp-aws-wif:labels",), {"team": "a b"}, "letters, digits"),
    ((WORKLOADS,), [], "at least one workload"),
    # Wrong types
    (("gcp:project",), 5, "project id"),
    ((*KUBERNETES, "namespace"), True, "true or false, not text"),
    ((*KUBERNETES, "serviceAccount"), 3600, "a number, not text"),
    ((*ACCOUNT, "id"), ["poc-gcp-to-aws-sa"], "a list, not text"),
    ((*ROLE, "name"), None, "nothing, not text"),
    ((CLUSTER,), "mgr-main-sbx", "must be a mapping"),
    ((WORKLOADS,), {"s3-reader": {}}, "must be a list"),
    ((WORKLOADS,), [None], "must be a mapping"),
]


def _key(path: Path_) -> str:
    steps = (f"[{step}] (s3-reader)" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")


@pytest.mark.parametrize(("path", "value", "rule"), WRONG)
def test_a_wrong_value_is_refused_by_the_rule_it_breaks_and_the_suggestion_works(
    path: Path_, value: Any, rule: str
) -> None:
    config = changed((path, value))

    problem = only_problem(config)

    text = error_text(config)
    assert rule in text
    assert re.search(r"https://|docs/configuration\.md", problem.rule), "the rule names its source"
    if path != (*WORKLOAD, "name"):
        assert f"\n{_key(path)}" in text
    assert problem.suggestion is not None
    assert problems(changed((problem.location, problem.suggestion), config=config)) == ()


@pytest.mark.parametrize(
    ("path", "value", "suggestion"),
    [
        (("aws:allowedAccountIds",), [11125558983], "011125558983"),
        (("aws:allowedAccountIds",), "211125558983", ["211125558983"]),
        ((*ACCOUNT, "id"), "poc-gcp-to-aws-sa@mgr-product-sbx.iam.gserviceaccount.com", "poc-gcp-to-aws-sa"),
        ((POOL, "id"), "projects/1/locations/global/workloadIdentityPools/poc-aws-pool", "poc-aws-pool"),
        ((POOL, "id"), "gcp-aws-pool", "aws-pool"),
        ((*ROLE, "name"), "arn:aws:iam::211125558983:role/GCPWorkloadIAMRole", "GCPWorkloadIAMRole"),
        ((*ROLE, "maxSessionDuration"), "7200", 7200),
        ((*ROLE, "maxSessionDuration"), 86400, 43200),
        ((*ROLE, "s3"), [{"bucket": "s3://my-bucket/key", "access": "read-only"}], "my-bucket"),
        ((*ACCOUNT, "tokenCreators"), ["me@example.com"], "user:me@example.com"),
        ((*ACCOUNT, "tokenCreators"), ["a@p.iam.gserviceaccount.com"], "serviceAccount:a@p.iam.gserviceaccount.com"),
        ((*ACCOUNT, "tokenCreatorRole"), "iam.serviceAccountTokenCreator", google.TOKEN_CREATOR),
        ((*WORKLOAD, "routes"), "google", ["google"]),
        ((CLUSTER, "workloadPool"), "enabled", "enable"),
    ],
)
def test_the_suggestion_is_what_was_meant(path: Path_, value: Any, suggestion: Any) -> None:
    assert only_problem(changed((path, value))).suggestion == suggestion


URLS = [
    ("https://issuer.example.com:8443/a", "has a port", "https://issuer.example.com/a"),
    ("https://issuer.example.com/a/", "ends with a slash", "https://issuer.example.com/a"),
    ("https://issuer.example.com/a?b=c", "has a query", "https://issuer.example.com/a"),
    ("https://issuer.example.com/a#b", "has a fragment", "https://issuer.example.com/a"),
    ("http://issuer.example.com/a", "does not start with https://", "https://issuer.example.com/a"),
    ("https://user@issuer.example.com", "has a user name", "https://issuer.example.com"),
    ("https://ISSUER.example.com", "does not have this form", "https://issuer.example.com"),
    ("https://issuer.example.com/*", "does not have this form", None),
    ("https://issuer.example.com/a\n", "does not have this form", "https://issuer.example.com/a"),
    ("https://", "names no host", None),
    ("https://[", "is not a url", None),
    (f"https://issuer.example.com/{'a' * 230}", "has 257 characters", None),
]


@pytest.mark.parametrize(("url", "reason", "repaired"), URLS)
def test_an_issuer_s_url_that_aws_would_not_take_is_refused(url: str, reason: str, repaired: str | None) -> None:
    google_only = changed(((*WORKLOAD, "routes"), ["google"]), ((OIDC_PROVIDER, "url"), url))

    problem = only_problem(google_only)

    assert problem.location == (OIDC_PROVIDER, "url")
    assert problem.reason == reason
    assert problem.suggestion == repaired
    assert "API_CreateOpenIDConnectProvider" in problem.rule


@pytest.mark.parametrize(("url", "reason", "repaired"), URLS)
def test_a_pool_provider_s_issuer_has_the_same_form(url: str, reason: str, repaired: str | None) -> None:
    oidc = changed(((*PROVIDER, "kind"), "oidc"), ((*PROVIDER, "issuer"), url))

    problem = only_problem(oidc)

    assert (problem.location, problem.reason, problem.suggestion) == ((*PROVIDER, "issuer"), reason, repaired)


@pytest.mark.parametrize("url", ["https://accounts.google.com", "http://accounts.google.com/", "accounts.google.com"])
def test_a_provider_for_google_s_own_issuer_is_refused_with_the_reason(url: str) -> None:
    problem = only_problem(changed(((OIDC_PROVIDER, "url"), url)))

    assert "InvalidIdentityToken" in problem.reason
    assert "leave url out" in problem.fix
    assert problem.suggestion == ISSUER


@pytest.mark.parametrize("issuer", ["https://sts.amazonaws.com", "sts.amazonaws.com", "https://sts.amazonaws.com/"])
def test_the_guide_s_issuer_sts_amazonaws_com_is_refused_with_the_one_to_use(issuer: str) -> None:
    problem = only_problem(changed(((*PROVIDER, "kind"), "oidc"), ((*PROVIDER, "issuer"), issuer)))

    assert "issues no tokens" in problem.reason
    assert problem.suggestion == "outbound"


def test_the_guide_s_thumbprint_that_is_not_hexadecimal_is_refused_with_the_advice_to_leave_it_out() -> None:
    problem = only_problem(changed(((OIDC_PROVIDER, "thumbprints"), ["08745487ghdud7e7eh1f2a07e452f36f6"])))

    assert problem.suggestion is None
    assert "leave thumbprints out" in problem.fix
    assert (
        problems(
            changed(((OIDC_PROVIDER, "thumbprints"), ABSENT), config=changed(((OIDC_PROVIDER, "thumbprints"), [])))
        )
        == ()
    )


@pytest.mark.parametrize(
    "tags", [{"aws:team": "x"}, {"": "x"}, {"k" * 129: "x"}, {"a*": "x"}, {"Team": "x", "team": "y"}]
)
def test_a_tag_s_key_that_aws_refuses_is_refused_with_a_better_one(tags: dict[str, str]) -> None:
    for path in (("gcp-aws-wif:tags",), (*ROLE, "tags")):
        problem = only_problem(changed((path, tags)))
        assert problem.location[:-1] == path
        assert re.match("rename the key, such as .+|keep one of the two spellings", problem.fix)


def test_more_than_fifty_tags_are_refused_also_when_it_takes_the_stack_s_to_get_there() -> None:
    many = {f"tag-{number}": "x" for number in range(aws.TAGS)}

    assert "leave out 1" in only_problem(changed((("gcp-aws-wif:tags",), many | {"one-more": "x"}))).fix
    assert (
        "leave out 1" in only_problem(changed((("gcp-aws-wif:tags",), many), ((*ROLE, "tags"), {"one-more": "x"}))).fix
    )
    assert problems(changed((("gcp-aws-wif:tags",), many), ((*ROLE, "tags"), {"tag-1": "another"}))) == ()


def test_a_secret_under_an_unknown_key_is_not_repeated() -> None:
    config = changed(((*ACCOUNT, "privateKey"), "-----BEGIN PRIVATE KEY-----"))

    assert "BEGIN" not in error_text(config)


def test_a_long_value_is_cut_and_control_characters_are_escaped() -> None:
    text = error_text(changed(((*ROLE, "name"), "\x1b[2J" + "x" * 500)))

    assert "\x1b" not in text
    assert "x" * 65 not in text
    assert "(504 characters)" in text
