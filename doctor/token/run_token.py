"""`doctor token`."""

import argparse
import time

from doctor.clouds.cloud import CloudError
from doctor.clouds.unanswered import unanswered
from doctor.findings import Finding
from doctor.inputs import read_json
from doctor.report import Report, show
from doctor.token.given_token import given_token
from doctor.token.token_checks import SUBJECT, not_a_token
from doctor.token.token_report import token_report
from doctor.token.tokens import NotATokenError, Token


def run_token(options: argparse.Namespace) -> int:
    """Print what the token is; the exit status."""
    try:
        token = given_token(options)
    except NotATokenError as error:
        return show(Report([not_a_token(error)]), as_json=options.json)
    except CloudError as error:
        return show(Report([unanswered(SUBJECT, error)]), as_json=options.json)
    return show(token_report(token, time.time(), _signature(token, options)), as_json=options.json)


def _signature(token: Token, options: argparse.Namespace) -> Finding | None:
    if token.header is None or (options.offline and not options.keys):
        return None
    from doctor.token import signature

    if options.keys:
        return signature.verified_offline(token, read_json(options.keys, "a JSON Web Key Set"))
    return signature.verified_by_issuer(token)
