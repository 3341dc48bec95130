"""The token that a command is about: from a file, standard input, or a live source that gives one."""

import argparse

from doctor.errors import UsageError
from doctor.inputs import read_token_text
from doctor.token.tokens import Token, parse_token


def given_token(options: argparse.Namespace) -> Token:
    """The one token that the options name.

    Raises UsageError for none or several, NotATokenError for something else than a token, CloudError when a source
    gives none.
    """
    sources = [options.token is not None, options.metadata, bool(options.impersonate), bool(options.kubernetes)]
    if sum(sources) != 1:
        raise UsageError("name one token: a file, - for standard input, --metadata, --impersonate or --kubernetes")
    return parse_token(read_token_text(options.token) if options.token is not None else _live_token(options))


def _live_token(options: argparse.Namespace) -> str:
    from doctor.token import token_sources

    if options.metadata:
        return token_sources.metadata_token(options.audience)
    if options.impersonate:
        return token_sources.impersonated_token(options.impersonate, options.audience)
    namespace, separator, name = options.kubernetes.partition("/")
    if not (namespace and separator and name) or "/" in name:
        raise UsageError(f"--kubernetes {options.kubernetes!r} is not NAMESPACE/NAME, such as default/s3-reader")
    return token_sources.cluster_token(namespace, name, options.audience)
