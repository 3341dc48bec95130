"""Whatever is in a stack file: no wildcard gets into a trust policy, and garbage is refused and does no more."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from federation import aws, google, kubernetes
from federation.access import s3_policy
from federation.settings import Settings, SettingsError, load_settings
from federation.trust import cluster_statement, google_statement, trust_policy, trust_policy_characters
from federation.workload_identity import aws_attribute_condition
from tests.unit.settings_support import (
    CLUSTER,
    OIDC_PROVIDER,
    POOL,
    WORKLOAD,
    WORKLOADS,
    Config,
    Path_,
    as_pulumi_hands_it,
    changed,
    sbx,
)

UNIQUE_ID = "104857600000000000001"
PATTERN = re.compile(r"[*?\s]|\$\{")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from([*sbx(), "gcp-aws-wif:protect", "gcp-aws-wif:tags", "gcp-aws-wif:labels", "gcp-aws-wif:other"])


def _places(value: Any, path: Path_ = ()) -> list[Path_]:
    """Every key and index of a configuration."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for step, entry in entries for place in _places(entry, (*path, step)))]


PLACES = st.sampled_from([place for place in _places(sbx()) if place])
NAME = st.from_regex(r"[a-z][a-z0-9]{5,20}", fullmatch=True)
AUDIENCE = st.from_regex(aws.AUDIENCE, fullmatch=True)
GRANT = st.fixed_dictionaries(
    {"bucket": NAME, "access": st.sampled_from(["read-only", "read-write", "read-write-delete"])},
    optional={"prefix": NAME.map(lambda name: f"{name}/")},
)
S3 = st.just("read-only") | st.lists(GRANT, min_size=1, max_size=3, unique_by=lambda grant: grant["bucket"])


@st.composite
def _workload(draw: st.DrawFn, name: str, audience: str) -> Config:
    """A workload of any routes, whose names no other has."""
    routes = draw(st.sampled_from([["google"], ["cluster"], ["google", "cluster"], ["cluster", "google"]]))
    returns = draw(st.booleans())
    role = {"name": draw(st.sampled_from(["", "Role_+=,.@-"])) + name, "audience": audience, "s3": draw(S3)}
    workload = {"name": name, "routes": routes, "awsRole": role, "returnToGcp": returns}
    if "cluster" in routes or draw(st.booleans()):
        workload["kubernetes"] = {"namespace": draw(NAME), "serviceAccount": name}
    if "google" in routes or returns:
        workload["gcpServiceAccount"] = {"id": name}
    return workload


@st.composite
def _stacks(draw: st.DrawFn) -> Config:
    """Configurations that should load."""
    audiences = draw(st.lists(AUDIENCE, min_size=1, max_size=3, unique=True))
    names = draw(st.lists(NAME, min_size=1, max_size=4, unique=True))
    workloads = [draw(_workload(name, draw(st.sampled_from(audiences)))) for name in names]
    pool: dict[str, Any] = {
        "id": draw(NAME),
        "provider": {"id": draw(NAME), "kind": draw(st.sampled_from(["aws", "oidc"]))},
    }
    return {
        "gcp:project": draw(NAME),
        "aws:region": draw(st.sampled_from(["eu-west-1", "us-gov-west-1"])),
        "aws:allowedAccountIds": draw(st.lists(st.from_regex(aws.ACCOUNT_ID, fullmatch=True), min_size=1, unique=True)),
        CLUSTER: {"name": draw(NAME), "location": draw(st.sampled_from(["europe-west1", "us-central1-f"]))},
        OIDC_PROVIDER: {"mode": draw(st.sampled_from(["create", "lookup"])), "clientIds": audiences},
        POOL: pool,
        WORKLOADS: workloads,
    }


def _documents(loaded: Settings) -> list[str]:
    """Everything about trust and access that the program builds of some settings."""
    partition = aws.partition_of_region(loaded.region)
    assert partition
    cluster, account = loaded.cluster, loaded.allowed_account_ids[0]
    issuer = google.gke_issuer(cluster.project or loaded.project, cluster.location, cluster.name)
    provider = aws.oidc_provider_arn(partition, account, issuer)
    documents = []
    for workload in loaded.workloads:
        statements = []
        role, pod, service_account = workload.aws_role, workload.kubernetes, workload.gcp_service_account
        if "google" in workload.routes:
            assert service_account
            email = google.service_account_email(service_account.id, service_account.project or loaded.project)
            statements.append(google_statement(UNIQUE_ID, email, role.audience))
        if "cluster" in workload.routes:
            assert pod
            subject = kubernetes.service_account_subject(pod.namespace, pod.service_account)
            statements.append(cluster_statement(provider, issuer, role.audience, subject))
        documents.append(trust_policy(*statements))
        assert trust_policy_characters(documents[-1]) <= aws.TRUST_POLICY_CHARACTERS
        if role.s3 != "read-only":
            documents.append(s3_policy(partition, role.s3))
    returning = [workload.aws_role.name for workload in loaded.workloads if workload.return_to_gcp]
    return [*documents, aws_attribute_condition(partition, account, returning)]


def _in_trust(loaded: Settings) -> list[str]:
    """Every word of a configuration that gets into a trust policy, a condition or the CEL of the pool's provider."""
    words = [loaded.project, loaded.cluster.name, loaded.cluster.location, loaded.cluster.project or ""]
    provider = loaded.aws_oidc_provider
    words.extend([*(provider.client_ids if provider else ()), (provider and provider.url) or ""])
    for workload in loaded.workloads:
        account, pod = workload.gcp_service_account, workload.kubernetes
        words.extend([workload.name, workload.aws_role.name, workload.aws_role.audience])
        words.extend([account.id, account.project or "", *account.token_creators] if account else [])
        words.extend([pod.namespace, pod.service_account] if pod else [])
    return words


def _loaded_or_refused(values: Mapping[str, Any]) -> Settings | SettingsError:
    try:
        return load_settings(values)
    except SettingsError as refused:
        return refused


@given(_stacks())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_of_every_configuration_that_loads_all_documents_can_be_built(stack: Config) -> None:
    loaded = load_settings(as_pulumi_hands_it(stack))

    assert all(_documents(loaded))


WILDCARDS = st.sampled_from(["*", "?", "${aws:username}", "**", " ", "\n", "\t", "\0", "'", "\\"])


@given(PLACES, WILDCARDS, st.integers(0, 40), st.booleans())
@settings(deadline=None)
def test_no_configuration_that_loads_has_a_wildcard_where_trust_is_decided(
    place: Path_, pattern: str, position: int, alone: bool
) -> None:
    value: Any = sbx()
    for step in place:
        value = value[step]
    if not isinstance(value, str):
        return
    poisoned = pattern if alone else value[:position] + pattern + value[position:]

    loaded = _loaded_or_refused(as_pulumi_hands_it(changed((place, poisoned))))

    if isinstance(loaded, SettingsError):
        assert place in [problem.location for problem in loaded.problems]
    else:
        assert not any(PATTERN.search(word) for word in _in_trust(loaded))


TRUSTED_PLACES = [
    (CLUSTER, "name"),
    (CLUSTER, "location"),
    (CLUSTER, "project"),
    (OIDC_PROVIDER, "clientIds", 0),
    (OIDC_PROVIDER, "url"),
    (*WORKLOAD, "name"),
    (*WORKLOAD, "kubernetes", "namespace"),
    (*WORKLOAD, "kubernetes", "serviceAccount"),
    (*WORKLOAD, "gcpServiceAccount", "id"),
    (*WORKLOAD, "gcpServiceAccount", "project"),
    (*WORKLOAD, "awsRole", "name"),
    (*WORKLOAD, "awsRole", "audience"),
]


@pytest.mark.parametrize("place", TRUSTED_PLACES)
@given(st.text() | st.from_regex(r"[a-z*?$ {}:/.-]{1,30}", fullmatch=True))
@settings(deadline=None, max_examples=50)
def test_no_text_with_a_wildcard_is_taken_for_a_name_or_an_audience(place: Path_, text: str) -> None:
    loaded = _loaded_or_refused(as_pulumi_hands_it(changed((place, text))))

    assert isinstance(loaded, SettingsError) or not any(PATTERN.search(word) for word in _in_trust(loaded))


@given(st.dictionaries(KEYS | st.text(), st.text() | JSON.map(json.dumps)))
@settings(deadline=None)
def test_garbage_is_refused_and_nothing_else_happens(values: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(values)

    str(refused.value).encode()


@given(PLACES, JSON)
@settings(deadline=None, max_examples=300)
def test_garbage_in_one_place_is_refused_in_words_or_is_valid(place: Path_, garbage: Any) -> None:
    loaded = _loaded_or_refused(changed((place, garbage)))

    if isinstance(loaded, SettingsError):
        str(loaded).encode()
        assert all(problem.rule and (problem.fix or problem.suggestion is not None) for problem in loaded.problems)


@given(PLACES, JSON)
@settings(deadline=None, max_examples=300)
def test_a_suggestion_never_breaks_the_rule_it_comes_with(place: Path_, garbage: Any) -> None:
    config = changed((place, garbage))
    loaded = _loaded_or_refused(config)
    if not isinstance(loaded, SettingsError) or loaded.problems[0].suggestion is None:
        return
    problem = loaded.problems[0]

    after = _loaded_or_refused(changed((problem.location, problem.suggestion), config=config))

    left = after.problems if isinstance(after, SettingsError) else ()
    assert (problem.location, problem.rule) not in [(other.location, other.rule) for other in left]


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "1" * 5_000, '"\\ud800"', "NaN", "{", '{"name": 1, "name": 2}']
)
@pytest.mark.parametrize("key", [CLUSTER, WORKLOADS, "gcp:project", "gcp-aws-wif:protect", "gcp-aws-wif:labels"])
def test_text_that_is_no_json_or_too_much_of_it_is_refused(key: str, text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(as_pulumi_hands_it(sbx()) | {key: text})

    assert refused.value.problems[0].location[0] == key
    str(refused.value).encode()
