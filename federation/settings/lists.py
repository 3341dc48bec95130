"""Rules of whole lists and mappings: how many entries, each one once, and what their keys may be."""

import json
import re
from collections.abc import Iterator

from federation import aws, kubernetes
from federation.settings.errors import Problem
from federation.settings.explain import DOCUMENTATION, example_at
from federation.settings.written import Written

_PROVIDER = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html"
_TAGS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html"
_LABELS = "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/"


def list_problems(stack: Written) -> Iterator[Problem]:
    """What is wrong with the configuration's lists and mappings as such."""
    yield from _list(stack.at("aws:allowedAccountIds"), f"at least one account, each once. {DOCUMENTATION}", least=1)
    provider = stack.at("gcp-aws-wif:awsOidcProvider")
    client_ids = f"1-{aws.CLIENT_IDS} client ids, each once. {_PROVIDER}"
    yield from _list(provider.at("clientIds"), client_ids, least=1, most=aws.CLIENT_IDS)
    yield from _list(
        provider.at("thumbprints"), f"at most {aws.THUMBPRINTS}, each once. {_PROVIDER}", most=aws.THUMBPRINTS
    )
    yield from _tags(stack.at("gcp-aws-wif:tags"))
    yield from _labels(stack.at("gcp-aws-wif:labels"))
    workloads = stack.at("gcp-aws-wif:workloads")
    yield from _list(workloads, f"at least one workload. {DOCUMENTATION}", least=1)
    for workload in workloads.items():
        yield from _lists_of(workload, stack.at("gcp-aws-wif:tags"))


def _lists_of(workload: Written, stack_tags: Written) -> Iterator[Problem]:
    yield from _list(workload.at("routes"), f"cluster, google or both, each once. {DOCUMENTATION}", least=1)
    creators = workload.at("gcpServiceAccount", "tokenCreators")
    yield from _list(creators, "each member once. https://cloud.google.com/iam/docs/principal-identifiers")
    yield from _grants(workload.at("awsRole", "s3"))
    tags = workload.at("awsRole", "tags")
    yield from _tags(tags)
    yield from _merged_tags(tags, stack_tags)


def _list(written: Written, rule: str, least: int = 0, most: int | None = None) -> Iterator[Problem]:
    entries = [json.dumps(entry.value, sort_keys=True, default=str) for entry in written.items()]
    once = [entry.value for index, entry in enumerate(written.items()) if entries[index] not in entries[:index]]
    if isinstance(written.value, list | tuple) and len(entries) < least:
        yield written.problem(rule, suggestion=example_at(written.location))
    elif most is not None and len(once) > most:
        yield written.problem(rule, f"leave out {len(once) - most}", once[:most])
    elif len(once) < len(entries):
        twice = next(entry for index, entry in enumerate(entries) if entry in entries[:index])
        yield written.problem(rule, suggestion=once, reason=f"has {twice[:60]} more than once")


def _grants(grants: Written) -> Iterator[Problem]:
    rule = f"at least one bucket, each with a prefix once. {DOCUMENTATION}"
    yield from _list(grants, rule, least=1)
    seen: dict[tuple[str, str], Written] = {}
    for grant in grants.items():
        yield from _list(grant.at("kmsKeyArns"), f"each key once. {DOCUMENTATION}")
        place = (grant.at("bucket").text, grant.at("prefix").text)
        if place[0] and place in seen and seen[place].value != grant.value:
            reason = f"has the bucket and prefix of s3[{seen[place].location[-1]}]"
            yield grant.problem(rule, "merge the two, with the wider access", reason=reason)
        seen.setdefault(place, grant)


def _tags(tags: Written) -> Iterator[Problem]:
    rule = (
        f"at most {aws.TAGS} tags; keys of 1-{aws.TAG_KEY_CHARACTERS} characters, not aws:, unlike whatever the case;"
        f" values of up to {aws.TAG_VALUE_CHARACTERS}; letters, digits, spaces and _.:/=+@-. {_TAGS}"
    )
    pairs = tags.pairs()
    if len(pairs) > aws.TAGS:
        yield tags.problem(rule, f"leave out {len(pairs) - aws.TAGS}", reason=f"has {len(pairs)} tags")
    for index, (key, value) in enumerate(pairs):
        if any(key.lower() == other.lower() for other, _ in pairs[:index]):
            yield value.problem(
                rule, f"keep one of the two spellings of {key}", reason="has a key that stands here twice"
            )
        elif (
            not 1 <= len(key) <= aws.TAG_KEY_CHARACTERS
            or key.lower().startswith("aws:")
            or not aws.TAG_TEXT.fullmatch(key)
        ):
            yield value.problem(
                rule, f"rename the key, such as {_spelled(key.lower().removeprefix('aws:'), 128) or 'team'}"
            )
        elif len(value.text) > aws.TAG_VALUE_CHARACTERS or not aws.TAG_TEXT.fullmatch(value.text):
            yield value.problem(rule, suggestion=_spelled(value.text, aws.TAG_VALUE_CHARACTERS))


def _merged_tags(tags: Written, stack_tags: Written) -> Iterator[Problem]:
    rule = f"at most {aws.TAGS} tags with the stack's, keys unlike whatever the case. {_TAGS}"
    inherited = {key.lower(): key for key, _ in stack_tags.pairs()}
    own = {key.lower() for key, _ in tags.pairs()}
    if max(len(own), len(inherited)) <= aws.TAGS < len(own | inherited.keys()):
        yield tags.problem(rule, f"leave out {len(own | inherited.keys()) - aws.TAGS}")
    for key, value in tags.pairs():
        if inherited.get(key.lower(), key) != key:
            yield value.problem(rule, f"write the key as in gcp-aws-wif:tags, {inherited[key.lower()]}")


def _labels(labels: Written) -> Iterator[Problem]:
    rule = (
        "keys of 1-63 letters, digits and -_., perhaps behind a DNS name and /; values of up to 63 of the same;"
        f" both start and end with a letter or digit. {_LABELS}"
    )
    for key, value in labels.pairs():
        if not kubernetes.LABEL_KEY.fullmatch(key):
            yield value.problem(rule, f"rename the key, such as {_label(key.rsplit('/', 1)[-1]) or 'team'}")
        elif not kubernetes.LABEL_VALUE.fullmatch(value.text):
            yield value.problem(rule, suggestion=_label(value.text))


def _spelled(text: str, longest: int) -> str:
    return re.sub(r"[^\w .:/=+@-]+", "-", text, flags=re.ASCII)[:longest]


def _label(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[:63].strip("-_.")
