"""Limits of what is built from a configuration are noticed before a cloud is asked."""

from typing import Any

from federation import aws, google
from federation.aws import PARTITIONS
from tests.unit.settings_support import POOL, WORKLOAD, WORKLOADS, another_workload, changed, only_problem, problems

LONGEST_POD = {"namespace": "n" * 63, "serviceAccount": "s" * 253}
LONGEST_AUDIENCE = "a" * 255


def _with_longest_names(project: str, **role: Any) -> dict[str, Any]:
    return changed(
        (("gcp:project",), project),
        (("gcp-aws-wif:awsOidcProvider", "clientIds"), ["sts.amazonaws.com", LONGEST_AUDIENCE]),
        ((*WORKLOAD, "kubernetes"), LONGEST_POD),
        ((*WORKLOAD, "awsRole"), {"name": "R", "s3": "read-only", **role}),
    )


LONG_PROJECT = f"{'sub.' * 30}example.com:{'p' * 30}"


def test_a_trust_policy_past_its_quota_is_refused_before_iam_refuses_it() -> None:
    problem = only_problem(_with_longest_names(LONG_PROJECT, audience=LONGEST_AUDIENCE))

    assert problem.location == (*WORKLOAD, "awsRole")
    assert f"{aws.TRUST_POLICY_CHARACTERS} characters" in problem.rule
    assert "makes a trust policy of" in problem.reason
    assert "leave the workload one route" in problem.fix


def test_the_advice_for_a_trust_policy_past_its_quota_helps() -> None:
    one_route = changed(
        ((*WORKLOAD, "routes"), ["cluster"]),
        config=_with_longest_names(LONG_PROJECT, audience=LONGEST_AUDIENCE),
    )

    assert problems(one_route) == ()
    assert problems(_with_longest_names(LONG_PROJECT)) == ()


def _returning(number: int) -> dict[str, Any]:
    name = f"workload-{number}"
    return another_workload(
        name=name,
        kubernetes={"namespace": "default", "serviceAccount": name},
        awsRole={"name": f"Role{number}".ljust(64, "x"), "s3": "read-only"},
        gcpServiceAccount={"id": name},
        returnToGcp=True,
    )


def test_more_returning_roles_than_a_condition_can_name_are_refused() -> None:
    for kind in ("aws", "oidc"):
        config = changed(
            ((WORKLOADS,), [_returning(number) for number in range(40)]), ((POOL, "provider", "kind"), kind)
        )

        problem = only_problem(config)

        assert problem.location == (WORKLOADS,)
        assert str(google.ATTRIBUTE_CONDITION_CHARACTERS) in problem.rule
        assert "second stack" in problem.fix
    assert problems(changed(((WORKLOADS,), [_returning(number) for number in range(20)]))) == ()


def test_more_grants_than_an_inline_policy_can_hold_are_refused() -> None:
    grants = [
        {"bucket": f"{'b' * 50}-{number}", "access": "read-write", "prefix": "p" * 100 + "/"} for number in range(40)
    ]

    problem = only_problem(changed(((*WORKLOAD, "awsRole", "s3"), grants)))

    assert problem.location == (*WORKLOAD, "awsRole", "s3")
    assert str(aws.INLINE_POLICIES_CHARACTERS) in problem.rule
    assert "split the workload" in problem.fix


def test_no_role_s_arn_is_too_long_for_google_s_subject() -> None:
    assert max(len(aws.role_arn(partition, "0" * 12, "r" * 64)) for partition in PARTITIONS) <= google.SUBJECT_BYTES
