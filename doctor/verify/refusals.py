"""What must be refused: tokens that are almost right, and what the role was not given.

A refusal is a pass; what is not refused is the worst there is to find.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from doctor.catalogue import CATALOGUE
from doctor.clouds.aws_api import Credentials
from doctor.clouds.cloud import CloudError
from doctor.findings import Finding
from doctor.token import token_sources
from doctor.verify.permissions import ACCESS_DENIED, list_roles
from doctor.verify.routes import RefusedError, Route, kubernetes_route
from doctor.verify.workload import MadeWorkload
from federation.outcome import FAIL, PASS, UNKNOWN

OTHER_AUDIENCE = "another-audience.example.com"
OTHER_SERVICE_ACCOUNT = "default"
"""Every namespace has one. https://kubernetes.io/docs/concepts/security/service-accounts/#default-service-accounts"""
REFUSALS = frozenset({"AccessDenied", "InvalidIdentityToken"})


def attempts(route: Route, other_service_account: str | None) -> Iterator[Finding]:
    """Tokens by the same route that the role must not take."""
    name = route.workload.name
    yield _is_refused(f"refused: another audience, {route.name}, of {name}", route, OTHER_AUDIENCE)
    if route.name == "cluster" and (kubernetes := route.workload.kubernetes):
        namespace, own = kubernetes
        if own != OTHER_SERVICE_ACCOUNT:
            other = kubernetes_route(route.workload, namespace, OTHER_SERVICE_ACCOUNT)
            yield _is_refused(f"refused: {other.identity} in place of {name}", other)
    if route.name == "google" and other_service_account:
        source = partial(token_sources.impersonated_token, other_service_account)
        other = replace(route, source=source, identity=other_service_account)
        yield _is_refused(f"refused: {other_service_account} in place of {name}", other)


def list_roles_is_refused(workload: MadeWorkload, session: Credentials) -> Finding:
    """Step 11 of the guide."""
    subject = f"11 refused: iam:ListRoles as {workload.role_name}"
    try:
        list_roles(workload, session)
    except CloudError as error:
        if error.code in ACCESS_DENIED:
            return Finding(PASS, subject, error.code)
        return Finding(UNKNOWN, subject, str(error))
    return Finding(
        FAIL,
        subject,
        "the role lists the account's roles: somebody gave it more than S3",
        fix=f"aws iam list-attached-role-policies --role-name {workload.role_name} shows what is attached; detach it",
    )


def _is_refused(subject: str, route: Route, audience: str | None = None) -> Finding:
    try:
        route.session(audience)
    except RefusedError as error:
        if error.side == "AWS" and error.code in REFUSALS:
            return Finding(PASS, subject, error.code)
        return Finding(UNKNOWN, subject, f"not tried: {error}")
    problem = CATALOGUE["D27"]
    said = f"the role was assumed with a token for {audience or route.workload.audience} of {route.identity}"
    return Finding(FAIL, subject, said, problem.id, problem.fix, problem.source, "critical")
