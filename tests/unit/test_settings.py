"""A stack file becomes typed settings, or an error that a person can act on."""

import pytest

from federation import aws, google
from federation.access import BucketGrant
from federation.settings import SettingsError, load_settings
from tests.unit.settings_support import (
    ABSENT,
    CLUSTER,
    OIDC_PROVIDER,
    POOL,
    WORKLOAD,
    WORKLOADS,
    Config,
    Path_,
    another_workload,
    as_pulumi_hands_it,
    changed,
    error_text,
    only_problem,
    problems,
    sbx,
)

SECRET_LIKE = "AKIA-not-to-be-shown"


def test_the_guide_s_stack_loads_as_it_is_written() -> None:
    settings = load_settings(as_pulumi_hands_it(sbx()))

    assert (settings.project, settings.region) == ("mgr-product-sbx", "eu-west-1")
    assert settings.allowed_account_ids == ("211125558983",)
    assert (settings.cluster.name, settings.cluster.workload_pool) == ("mgr-main-sbx", "enable")
    assert settings.aws_oidc_provider
    assert settings.aws_oidc_provider.client_ids == (aws.STS_AUDIENCE,)
    assert settings.workload_identity_pool
    assert settings.workload_identity_pool.provider.kind == "aws"
    (workload,) = settings.workloads
    assert workload.routes == ("google", "cluster")
    assert workload.kubernetes
    assert (workload.kubernetes.namespace, workload.kubernetes.service_account) == ("default", "s3-reader")
    assert workload.gcp_service_account
    assert workload.gcp_service_account.token_creator_role == google.OPEN_ID_TOKEN_CREATOR
    assert (workload.aws_role.s3, workload.aws_role.max_session_duration) == ("read-only", 3600)
    assert workload.return_to_gcp
    assert settings.warnings == ()


def test_what_is_left_out_has_its_default() -> None:
    minimal = {key: sbx()[key] for key in ("gcp:project", "aws:region", "aws:allowedAccountIds")} | {
        CLUSTER: {"name": "c", "location": "europe-west1-b"},
        OIDC_PROVIDER: {},
        WORKLOADS: [another_workload()],
    }

    settings = load_settings(as_pulumi_hands_it(minimal))

    assert settings.cluster.workload_pool == "verify"
    assert (settings.protect, settings.tags, settings.labels) == (False, {}, {})
    assert settings.workload_identity_pool is None
    assert settings.aws_oidc_provider
    assert (settings.aws_oidc_provider.mode, settings.aws_oidc_provider.url) == ("create", None)
    assert settings.aws_oidc_provider.thumbprints == ()
    (workload,) = settings.workloads
    assert workload.kubernetes
    assert workload.kubernetes.manage
    assert workload.gcp_service_account is None
    assert not workload.return_to_gcp
    assert workload.aws_role.audience == aws.STS_AUDIENCE


def test_bucket_grants_are_what_the_policy_is_built_of() -> None:
    key = "arn:aws:kms:eu-west-1:211125558983:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    written = {"bucket": "my-bucket", "access": "read-write", "prefix": "in/", "kmsKeyArns": [key]}

    settings = load_settings(as_pulumi_hands_it(changed(((*WORKLOAD, "awsRole", "s3"), [written]))))

    assert settings.workloads[0].aws_role.s3 == (BucketGrant("my-bucket", "read-write", "in/", (key,)),)


def test_settings_cannot_be_changed_after_they_were_checked() -> None:
    settings = load_settings(as_pulumi_hands_it(sbx()))

    with pytest.raises(ValueError, match="frozen"):
        settings.project = "another-project"  # type: ignore[misc]


@pytest.mark.parametrize("key", ["aws:profile", "gcp:zone", "kubernetes:kubeconfig", "pulumi:tags", "other:anything"])
def test_keys_of_other_namespaces_are_left_to_whom_they_belong(key: str) -> None:
    assert problems(sbx() | {key: "x"}) == ()


@pytest.mark.parametrize("key", ["gcp-aws-wif:protect", "gcp-aws-wif:tags"])
def test_a_key_without_a_value_counts_as_left_out(key: str) -> None:
    load_settings(as_pulumi_hands_it(sbx()) | {key: ""})


@pytest.mark.parametrize("path", [(*WORKLOAD, "awsRole", "description"), (CLUSTER, "project"), (POOL, "displayName")])
def test_an_optional_key_without_a_value_inside_a_mapping_counts_as_left_out(path: Path_) -> None:
    assert problems(changed((path, None))) == ()


UNKNOWN = [
    ((CLUSTER, "workload_pool"), "workloadPool"),
    ((CLUSTER, "workloadpool"), "workloadPool"),
    ((OIDC_PROVIDER, "thumbprintList"), "thumbprints"),
    ((OIDC_PROVIDER, "clientIdList"), "clientIds"),
    ((POOL, "display-name"), "displayName"),
    ((POOL, "provider", "issuerUri"), "issuer"),
    ((*WORKLOAD, "route"), "routes"),
    ((*WORKLOAD, "kubernetes", "serviceAcount"), "serviceAccount"),
    ((*WORKLOAD, "gcpServiceAccount", "tokenCreator"), "tokenCreators"),
    ((*WORKLOAD, "awsRole", "maxSessionSeconds"), "maxSessionDuration"),
    (("gcp-aws-wif:workload",), "gcp-aws-wif:workloads"),
    (("gcp-aws-wif:aws_oidc_provider",), "gcp-aws-wif:awsOidcProvider"),
]


@pytest.mark.parametrize(("path", "meant"), UNKNOWN)
def test_an_unknown_key_is_refused_at_every_level_with_the_one_that_was_meant(path: Path_, meant: str) -> None:
    problem = only_problem(changed((path, SECRET_LIKE)))

    assert problem.location == path
    assert problem.fix == f"did you mean {meant}?"
    assert SECRET_LIKE not in problem.text(None)


def test_an_unknown_key_like_no_other_is_to_be_removed_and_the_known_ones_are_named() -> None:
    problem = only_problem(changed(((CLUSTER, "xyzzy"), 1)))

    assert problem.fix == "remove it"
    assert "name, location, workloadPool, project" in problem.rule


def test_an_unknown_key_of_a_grant_is_refused() -> None:
    grant = {"bucket": "my-bucket", "access": "read-only", "prefixes": ["a/"]}

    assert only_problem(changed(((*WORKLOAD, "awsRole", "s3"), [grant]))).fix == "did you mean prefix?"


REQUIRED: list[Path_] = [
    ("gcp:project",),
    ("aws:region",),
    ("aws:allowedAccountIds",),
    (CLUSTER,),
    (CLUSTER, "name"),
    (CLUSTER, "location"),
    (WORKLOADS,),
    (*WORKLOAD, "name"),
    (*WORKLOAD, "routes"),
    (*WORKLOAD, "awsRole"),
    (*WORKLOAD, "awsRole", "name"),
    (*WORKLOAD, "awsRole", "s3"),
    (*WORKLOAD, "kubernetes"),
    (*WORKLOAD, "kubernetes", "namespace"),
    (*WORKLOAD, "kubernetes", "serviceAccount"),
    (*WORKLOAD, "gcpServiceAccount"),
    (*WORKLOAD, "gcpServiceAccount", "id"),
    (OIDC_PROVIDER,),
    (POOL,),
    (POOL, "id"),
    (POOL, "provider"),
    (POOL, "provider", "id"),
    (POOL, "provider", "kind"),
]


@pytest.mark.parametrize("path", REQUIRED)
def test_what_is_missing_is_named_with_something_to_put_there(path: Path_) -> None:
    config = changed((path, ABSENT))

    problem = only_problem(config)

    assert problem.location == path
    assert "is required" in problem.rule
    assert problems(changed((path, problem.suggestion), config=config)) == ()


def test_an_empty_configuration_names_each_thing_it_needs() -> None:
    assert [problem.location for problem in problems({})] == [
        ("gcp:project",),
        ("aws:region",),
        ("aws:allowedAccountIds",),
        (CLUSTER,),
        (WORKLOADS,),
    ]


def _everything_wrong() -> Config:
    return changed(
        (("aws:allowedAccountIds",), [211125558983]),
        ((CLUSTER, "nmae"), "x"),
        ((OIDC_PROVIDER, "thumbprints"), ["zz"]),
        ((POOL, "id"), "gcp-pool"),
        ((*WORKLOAD, "awsRole", "name"), "Role*"),
        ((*WORKLOAD, "awsRole", "maxSessionDuration"), "3600"),
        ((*WORKLOAD, "kubernetes", "namespace"), ABSENT),
        (
            (WORKLOADS, 1),
            another_workload(gcpServiceAccount={"id": "unused-account"}, kubernetes=ABSENT, name="s3-reader"),
        ),
    )


def test_all_errors_of_a_file_are_shown_at_once_in_the_order_of_the_file() -> None:
    text = error_text(_everything_wrong())

    places = [line for line in text.splitlines()[1:] if line and not line.startswith(" ")]
    assert places == [
        "aws:allowedAccountIds[0]",
        "gcp-aws-wif:cluster.nmae",
        "gcp-aws-wif:workloads[0] (s3-reader).awsRole.maxSessionDuration",
        "gcp-aws-wif:workloads[0] (s3-reader).awsRole.name",
        "gcp-aws-wif:workloads[0] (s3-reader).kubernetes.namespace",
        "gcp-aws-wif:workloads[1] (s3-reader).gcpServiceAccount",
        "gcp-aws-wif:workloads[1] (s3-reader).kubernetes",
        "gcp-aws-wif:workloads[1] (s3-reader).name",
        "gcp-aws-wif:awsOidcProvider.thumbprints[0]",
        "gcp-aws-wif:workloadIdentityPool.id",
    ]
    assert text.startswith("The stack's configuration has 10 errors; nothing was registered.")


def test_an_error_says_where_what_the_rule_and_what_to_write_instead() -> None:
    text = error_text(changed(((*WORKLOAD, "gcpServiceAccount", "id"), "Poc-GCP-to-AWS-SA")))

    assert text == (
        "The stack's configuration has 1 error; nothing was registered.\n"
        "\n"
        "gcp-aws-wif:workloads[0] (s3-reader).gcpServiceAccount.id\n"
        '  given  "Poc-GCP-to-AWS-SA", which does not have this form\n'
        "  rule   a service account's id (not its e-mail): 6-30 of a-z, 0-9 and -, first a letter, last no hyphen."
        " https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create\n"
        '  use    "poc-gcp-to-aws-sa"'
    )


def test_the_error_hides_where_in_the_program_it_comes_from() -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings({})

    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
