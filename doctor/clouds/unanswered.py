"""A cloud that did not answer, as a finding: unknown, and named by the catalogue where its words are known."""

from doctor.catalogue import recognise
from doctor.clouds.cloud import CloudError
from doctor.findings import Finding
from federation.outcome import UNKNOWN


def unanswered(subject: str, error: CloudError) -> Finding:
    """What could not be looked at, and why."""
    problem = recognise(str(error))
    if problem is None:
        return Finding(UNKNOWN, subject, f"can't be had: {error}")
    return Finding(UNKNOWN, subject, f"can't be had: {error}", problem.id, problem.fix, problem.source)
