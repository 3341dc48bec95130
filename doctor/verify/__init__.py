"""Whether what a stack promises holds: the guide's steps 9 to 11 tried live, the way back, and what must be refused.

It changes nothing: it gets tokens and sessions of fifteen minutes, lists, and drops them.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from doctor.catalogue import CATALOGUE
from doctor.clouds.cloud import CloudError
from doctor.findings import Finding, counted
from doctor.report import Report, Section
from doctor.stack import Stack, made_outputs
from doctor.verify import refusals
from doctor.verify.diagnosis import SPREADING, aws_refusal, by_words, google_refusal, way_back_refusal
from doctor.verify.permissions import ACCESS_DENIED, list_s3, s3_refusal
from doctor.verify.place import check_place
from doctor.verify.routes import RefusedError, Route, cluster_route, google_route
from doctor.verify.waiting import Patience, wait_until_stable
from doctor.verify.way_back import return_to_google
from doctor.verify.workload import MadeWorkload, made_workloads
from doctor.verify.written import caller_members, pod_members, written_account, written_role, written_way_back
from federation.outcome import FAIL, PASS, UNKNOWN
from federation.settings import Settings

TRANSIENT = frozenset(
    {"", "IDPCommunicationError", "InternalFailure", "ServiceUnavailable", "Throttling", "UNAVAILABLE"}
)


@dataclass(frozen=True)
class Options:
    """How to try."""

    impersonate: bool = False
    """Get the route google's tokens by impersonation, not from the metadata server."""
    other_service_account: str | None = None
    """The e-mail of one that must be refused."""


def verify(stack: Stack, options: Options, patience: Patience) -> Report:
    """Try every workload of the stack. Raises UsageError for a stack that is not up."""
    workloads = made_workloads(stack.settings, made_outputs(stack))
    findings = [*check_place(workloads)]
    for workload in workloads:
        findings.extend(_Trial(workload, stack.settings, options, patience).findings())
    rows = [
        {"outcome": finding.outcome, "id": finding.id, "step": finding.subject, "seen": finding.said}
        for finding in findings
    ]
    problems = [finding for finding in findings if finding.outcome is not PASS]
    return Report(problems, [Section("verified", rows)], counted(findings, "as promised"))


@dataclass(frozen=True)
class _Trial:
    """One workload, tried by each of its routes."""

    workload: MadeWorkload
    settings: Settings
    options: Options
    patience: Patience

    def findings(self) -> Iterator[Finding]:
        """In the guide's order; the way back and the session's permissions once, by the first route that works."""
        session: dict[str, Any] | None = None
        for route in self._routes():
            if isinstance(route, Finding):
                yield route
                continue
            finding, answer = self._credentials(route)
            yield finding
            if answer is None:
                continue
            if session is None:
                session = answer
                yield from self._permissions(session["Credentials"])
            yield from refusals.attempts(route, self.options.other_service_account)
        if session is not None and self.workload.way_back:
            yield self._way_back(session)

    def _credentials(self, route: Route) -> tuple[Finding, dict[str, Any] | None]:
        """Step 9 of the guide, and STS's answer if there was one."""
        subject = f"9 credentials of {self.workload.name} by {route.name}"
        what = f"{self.workload.name}, route {route.name}"
        waited = wait_until_stable(route.session, self.patience, what, partial(self._hopeless, route))
        if waited.error is not None or waited.value is None:
            error = waited.error or CloudError("no answer")
            return replace(self._diagnosis(route, error), subject=subject), None
        said = f"{waited.value['AssumedRoleUser']['Arn']}, as {route.identity}"
        if not waited.is_stable:
            said += f"; but not {self.patience.successes} times in a row in {self.patience.limit_seconds:.0f} s"
            return Finding(UNKNOWN, subject, said, "D9", CATALOGUE["D9"].fix, CATALOGUE["D9"].source), waited.value
        return Finding(PASS, subject, said), waited.value

    def _routes(self) -> Iterator[Route | Finding]:
        if "google" in self.workload.routes:
            yield google_route(self.workload, self.patience, impersonate=self.options.impersonate)
        if "cluster" in self.workload.routes:
            yield cluster_route(self.workload)

    def _hopeless(self, route: Route, error: CloudError) -> bool:
        """Whether waiting is no help: what is written does not admit the token either."""
        return error.code not in TRANSIENT and self._diagnosis(route, error).id not in SPREADING

    def _diagnosis(self, route: Route, error: CloudError) -> Finding:
        workload = self.workload
        if not isinstance(error, RefusedError) or error.side == "Kubernetes":
            return by_words(workload.name, error, "")
        if error.side == "AWS":
            return aws_refusal(workload.role_name, error, written_role(workload), time.time())
        cluster = self.settings.cluster
        members = (
            caller_members()
            if self.options.impersonate
            else pod_members(workload, cluster.project or self.settings.project)
        )
        return google_refusal(route.identity, error, written_account(route.identity), members)

    def _permissions(self, session: dict[str, Any]) -> Iterator[Finding]:
        workload = self.workload
        once = replace(self.patience, successes=1)
        waited = wait_until_stable(
            partial(list_s3, workload, session),
            once,
            f"{workload.name}, S3",
            lambda error: error.code not in ACCESS_DENIED | TRANSIENT,
        )
        subject = f"10 S3 as {workload.role_name}"
        if waited.error is None:
            yield Finding(PASS, subject, waited.value or "")
        else:
            catalogue_id, said, fix = s3_refusal(waited.error)
            yield Finding(FAIL, subject, said, catalogue_id, fix)
        yield refusals.list_roles_is_refused(workload, session)

    def _way_back(self, session: dict[str, Any]) -> Finding:
        workload, subject = self.workload, f"way back of {self.workload.name}"

        def diagnosis(error: CloudError) -> Finding:
            return way_back_refusal(subject, error, written_way_back(workload, session))

        waited = wait_until_stable(
            partial(return_to_google, workload, session["Credentials"]),
            self.patience,
            f"{workload.name}, way back",
            lambda error: error.code not in TRANSIENT and diagnosis(error).id not in SPREADING,
        )
        if waited.error is not None:
            return diagnosis(waited.error)
        return Finding(PASS, subject, f"{workload.role_arn} is {workload.email}")
