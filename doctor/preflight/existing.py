"""What it means for `pulumi up` that something of a configured name exists already."""

from doctor.catalogue import CATALOGUE
from doctor.clouds.cloud import Unread
from doctor.findings import Finding
from federation.outcome import FAIL, PASS, UNKNOWN


def may_be_made(
    subject: str, *, there: bool, own: bool | Unread, refusal: str, fix: str, catalogue_id: str = ""
) -> Finding:
    """Whether something that the stack makes can be made: its name is free, or the stack itself made it before.

    `refusal` is the error that the cloud would give, `fix` how to adopt what is there or to go around it.
    """
    if not there:
        return Finding(PASS, subject, "the name is free")
    if isinstance(own, Unread):
        return Finding(UNKNOWN, subject, f"it is there; whether this stack made it can't be known: {own.reason}")
    if own:
        return Finding(PASS, subject, "it is this stack's own")
    return Finding(
        FAIL,
        subject,
        f"it is there already, and not this stack's: `pulumi up` would fail with {refusal}",
        id=catalogue_id,
        fix=fix,
        source=CATALOGUE[catalogue_id].source if catalogue_id else "",
    )
