"""Reading what exists already, with an error that says what to do where it does not.

A provider's function that fails raises a bare Exception, which Pulumi shows with a traceback of its own insides. The
functions are called in their direct form: an exception inside an output could not be caught.
"""

from collections.abc import Callable
from typing import TypeVar

import pulumi

Found = TypeVar("Found")

_BEFORE_THE_PROVIDERS_WORDS = "returned an error: "


def looked_up(function: Callable[[], Found], remedy: str) -> Found:
    """What a provider's function finds. Raises RunError with what the provider said, and the remedy."""
    try:
        return function()
    except Exception as error:  # the SDK raises nothing narrower
        said = str(error).rpartition(_BEFORE_THE_PROVIDERS_WORDS)[2]
        raise pulumi.RunError(f"{said}\n{remedy}") from None
