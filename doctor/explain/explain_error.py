"""An error message of either cloud, named by the catalogue."""

from doctor.catalogue import recognise
from doctor.findings import Finding
from doctor.report import Report
from federation.outcome import FAIL, UNKNOWN


def explain_error(message: str) -> Report:
    """Which problem the message means, its cause and the way out; unknown when it is none of the catalogue's."""
    problem = recognise(message)
    if problem is None:
        fix = "give the token and the trust policy to `python -m doctor explain TOKEN --policy FILE`"
        return Report([Finding(UNKNOWN, "error message", "is none of the catalogue's", fix=fix)])
    return Report([Finding(FAIL, problem.title, problem.cause, problem.id, problem.fix, problem.source)])
