"""Values that are right alone and wrong together: routes and fields, workloads and each other, the stack's sections."""

from typing import Any

import pytest

from federation.settings import load_settings
from tests.unit.settings_support import (
    ABSENT,
    CLUSTER,
    ISSUER,
    OIDC_PROVIDER,
    POOL,
    WORKLOAD,
    WORKLOADS,
    Path_,
    another_workload,
    as_pulumi_hands_it,
    changed,
    error_text,
    only_problem,
    problems,
)

SECOND = (WORKLOADS, 1)
CLUSTER_ONLY = (((*WORKLOAD, "routes"), ["cluster"]), ((*WORKLOAD, "returnToGcp"), False))
GOOGLE_ONLY = ((*WORKLOAD, "routes"), ["google"])


def _warnings(*changes: tuple[Path_, Any]) -> tuple[str, ...]:
    return load_settings(as_pulumi_hands_it(changed(*changes))).warnings


def test_a_google_service_account_that_no_route_uses_is_refused_not_ignored() -> None:
    problem = only_problem(changed(*CLUSTER_ONLY))

    assert problem.location == (*WORKLOAD, "gcpServiceAccount")
    assert problem.fix == "remove it, or add google to routes"
    assert problems(changed(*CLUSTER_ONLY, ((*WORKLOAD, "gcpServiceAccount"), ABSENT))) == ()


@pytest.mark.parametrize(("routes", "returns"), [(["google"], False), (["cluster"], True), (["google"], True)])
def test_a_google_service_account_that_is_needed_is_asked_for_with_an_id_like_the_workload_s_name(
    routes: list[str], returns: bool
) -> None:
    config = changed(
        ((*WORKLOAD, "routes"), routes),
        ((*WORKLOAD, "returnToGcp"), returns),
        ((*WORKLOAD, "gcpServiceAccount"), ABSENT),
    )

    problem = only_problem(config)

    assert problem.location == (*WORKLOAD, "gcpServiceAccount")
    assert problem.suggestion == {"id": "s3-reader"}


def test_the_id_suggested_for_a_workload_with_a_short_name_is_long_enough() -> None:
    config = changed((SECOND, another_workload(name="up", routes=["google"])))

    assert only_problem(config).suggestion == {"id": "up-to-aws"}


def test_a_workload_outside_kubernetes_needs_no_kubernetes_section() -> None:
    assert problems(changed(GOOGLE_ONLY, ((*WORKLOAD, "kubernetes"), ABSENT))) == ()


@pytest.mark.parametrize(
    ("claim", "place"),
    [
        ({"name": "s3-reader"}, ("name",)),
        ({"awsRole": {"name": "GCPWorkloadIAMRole", "s3": "read-only"}}, ("awsRole", "name")),
        ({"awsRole": {"name": "gcpworkloadiamrole", "s3": "read-only"}}, ("awsRole", "name")),
        (
            {"kubernetes": {"namespace": "default", "serviceAccount": "s3-reader"}},
            ("kubernetes", "serviceAccount"),
        ),
        (
            {"routes": ["google"], "gcpServiceAccount": {"id": "poc-gcp-to-aws-sa"}},
            ("gcpServiceAccount", "id"),
        ),
        (
            {"routes": ["google"], "gcpServiceAccount": {"id": "poc-gcp-to-aws-sa", "project": "mgr-product-sbx"}},
            ("gcpServiceAccount", "id"),
        ),
    ],
)
def test_what_two_workloads_claim_is_refused_for_the_second_with_the_first_named(
    claim: dict[str, Any], place: Path_
) -> None:
    config = changed((SECOND, another_workload(**claim)))

    problem = only_problem(config)

    assert problem.location == (*SECOND, *place)
    assert "gcp-aws-wif:workloads[0] (s3-reader)" in problem.rule
    assert problems(changed((problem.location, problem.suggestion), config=config)) == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"kubernetes": {"namespace": "other", "serviceAccount": "s3-reader"}},
        {"routes": ["google"], "gcpServiceAccount": {"id": "poc-gcp-to-aws-sa", "project": "other-project"}},
    ],
)
def test_the_same_name_elsewhere_is_another_identity(fields: dict[str, Any]) -> None:
    assert problems(changed((SECOND, another_workload(**fields)))) == ()


def test_three_workloads_of_one_name_are_each_given_a_different_one() -> None:
    config = changed(
        (SECOND, another_workload(name="s3-reader")),
        (
            (WORKLOADS, 2),
            another_workload(
                name="s3-reader",
                kubernetes={"namespace": "c", "serviceAccount": "c"},
                awsRole={"name": "C", "s3": "read-only"},
            ),
        ),
    )

    assert [problem.suggestion for problem in problems(config)] == ["s3-reader-2", "s3-reader-3"]


def test_an_audience_that_the_created_provider_does_not_list_is_refused_for_the_route_cluster() -> None:
    problem = only_problem(changed(((*WORKLOAD, "awsRole", "audience"), "my-audience")))

    assert problem.location == (*WORKLOAD, "awsRole", "audience")
    assert "Incorrect token audience" in problem.rule
    assert (problem.suggestion, problem.fix) == ("sts.amazonaws.com", "or add it to clientIds")


@pytest.mark.parametrize("change", [GOOGLE_ONLY, ((OIDC_PROVIDER, "mode"), "lookup")])
def test_any_audience_will_do_without_that_route_or_with_a_provider_that_another_stack_made(
    change: tuple[Path_, Any],
) -> None:
    assert problems(changed(((*WORKLOAD, "awsRole", "audience"), "my-audience"), change)) == ()


def test_the_default_audience_is_checked_as_well() -> None:
    config = changed(
        ((OIDC_PROVIDER, "clientIds"), ["another"]),
        ((*WORKLOAD, "awsRole"), {"name": "R", "s3": "read-only"}),
    )

    assert only_problem(config).suggestion == "another"


def test_a_provider_url_that_is_not_the_cluster_s_issuer_is_refused_where_the_route_cluster_needs_it() -> None:
    config = changed(((OIDC_PROVIDER, "url"), "https://sts.googleapis.com"))

    problem = only_problem(config)

    assert "tokens of another never match" in problem.rule
    assert problem.suggestion == ISSUER
    assert problems(changed((problem.location, ISSUER), config=config)) == ()


def test_the_cluster_s_issuer_is_built_with_the_cluster_s_own_project() -> None:
    url = ISSUER.replace("mgr-product-sbx", "clusters-project")

    assert problems(changed(((CLUSTER, "project"), "clusters-project"), ((OIDC_PROVIDER, "url"), url))) == ()
    assert only_problem(changed(((CLUSTER, "project"), "clusters-project"), ((OIDC_PROVIDER, "url"), ISSUER)))


@pytest.mark.parametrize("url", ["https://sts.googleapis.com", "https://sts.amazonaws.com"])
def test_a_provider_of_an_issuer_that_issues_nothing_is_adopted_with_a_warning_that_names_the_fix(url: str) -> None:
    (warning,) = _warnings(GOOGLE_ONLY, ((OIDC_PROVIDER, "url"), url))

    assert f"{url} issues no tokens" in warning
    assert f"Leave url out, then it is {ISSUER}" in warning


def test_a_provider_of_a_foreign_issuer_that_no_workload_uses_gives_a_warning() -> None:
    (warning,) = _warnings(GOOGLE_ONLY, ((OIDC_PROVIDER, "url"), "https://oidc.example.com"))

    assert "is not the cluster's issuer" in warning


LOOKUP_POOL = ((POOL, "mode"), "lookup")
OIDC = ((POOL, "provider", "kind"), "oidc")
UNUSED: list[tuple[Path_, tuple[tuple[Path_, Any], ...]]] = [
    (
        (OIDC_PROVIDER, "thumbprints"),
        (((OIDC_PROVIDER, "mode"), "lookup"), ((OIDC_PROVIDER, "thumbprints"), ["a" * 40])),
    ),
    ((POOL, "displayName"), (LOOKUP_POOL,)),
    ((POOL, "description"), (LOOKUP_POOL, ((POOL, "displayName"), ABSENT), ((POOL, "description"), "x"))),
    ((POOL, "provider", "issuer"), (((POOL, "provider", "issuer"), "outbound"),)),
    ((POOL, "provider", "issuer"), (((POOL, "provider", "issuer"), "https://sts.amazonaws.com"),)),
    ((POOL, "provider", "outboundFederation"), (((POOL, "provider", "outboundFederation"), "create"),)),
    (
        (POOL, "provider", "outboundFederation"),
        (
            OIDC,
            ((POOL, "provider", "issuer"), "https://0a1b2c3d-0000-4000-8000-0123456789ab.tokens.sts.global.api.aws"),
            ((POOL, "provider", "outboundFederation"), "create"),
        ),
    ),
]


@pytest.mark.parametrize(("path", "changes"), UNUSED)
def test_a_field_that_the_mode_or_kind_does_not_use_is_refused_not_ignored(
    path: Path_, changes: tuple[tuple[Path_, Any], ...]
) -> None:
    config = changed(*changes)

    problem = only_problem(config)

    assert problem.location == path
    assert "is only for" in problem.rule
    assert (problem.fix, problem.suggestion) == ("remove it", None)
    assert problems(changed((path, ABSENT), config=config)) == ()
    assert problems(changed((path, ABSENT), config=config)) == ()


@pytest.mark.parametrize("federation", ["create", "lookup"])
def test_outbound_federation_can_be_made_or_found(federation: str) -> None:
    assert problems(changed(OIDC, ((POOL, "provider", "outboundFederation"), federation))) == ()


def test_an_issuer_whose_tokens_have_no_role_as_subject_gives_a_warning() -> None:
    (warning,) = _warnings(OIDC, ((POOL, "provider", "issuer"), "https://oidc.example.com"))

    assert "only its tokens have a role's ARN as subject" in warning


CHINA = (("aws:region",), "cn-north-1")


def test_credentials_of_aws_in_china_cannot_be_verified_by_google_so_the_kind_aws_is_refused_there() -> None:
    config = changed(CHINA)

    problem = only_problem(config)

    assert "amazonaws.com.cn" in problem.rule
    assert problem.suggestion == "oidc"
    assert problems(changed((problem.location, "oidc"), config=config)) == ()


@pytest.mark.parametrize("region", ["us-gov-west-1", "cn-north-1"])
def test_the_route_google_outside_the_partition_aws_gives_a_warning(region: str) -> None:
    (warning,) = _warnings(OIDC, (("aws:region",), region))

    assert "use the route cluster" in warning


def test_a_role_for_every_pod_of_a_namespace_gives_a_warning() -> None:
    (warning,) = _warnings(((*WORKLOAD, "kubernetes", "serviceAccount"), "default"))

    assert "Use a service account of the workload's own" in warning


def test_a_key_of_another_partition_is_refused() -> None:
    key = "arn:aws-cn:kms:cn-north-1:211125558983:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    grant = {"bucket": "my-bucket", "access": "read-only", "kmsKeyArns": [key]}

    problem = only_problem(changed(((*WORKLOAD, "awsRole", "s3"), [grant])))

    assert problem.location == (*WORKLOAD, "awsRole", "s3", 0, "kmsKeyArns", 0)
    assert problem.fix == "name one of the partition aws"


def test_two_grants_of_one_place_are_to_be_merged() -> None:
    grants = [{"bucket": "my-bucket", "access": access, "prefix": "a/"} for access in ("read-only", "read-write")]

    assert "merge the two" in only_problem(changed(((*WORKLOAD, "awsRole", "s3"), grants))).fix


def test_a_tag_spelled_unlike_the_stack_s_is_to_be_spelled_like_it() -> None:
    config = changed((("gcp-aws-wif:tags",), {"Team": "a"}), ((*WORKLOAD, "awsRole", "tags"), {"team": "b"}))

    assert only_problem(config).fix == "write the key as in gcp-aws-wif:tags, Team"


def test_a_wrong_value_does_not_hide_how_the_others_disagree() -> None:
    text = error_text(
        changed(
            ((*WORKLOAD, "awsRole", "name"), "not a name"),
            ((*WORKLOAD, "gcpServiceAccount"), ABSENT),
            (SECOND, another_workload(name="s3-reader")),
        )
    )

    assert "(s3-reader).awsRole.name" in text
    assert "is required by the route google" in text
    assert "each workload has its own name" in text
