"""Keeps tokens out of what is printed: the last net, below commands that never print one.

A token can come to where it was not expected, such as pasted in the place of a file's name.
"""

import re
from typing import Final

HIDDEN: Final = "[hidden]"

_SECRETS: Final = re.compile(
    r"eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)+"  # a JWT
    r"|ya29\.[A-Za-z0-9._-]+"
    r"|\bgh[a-z]_[A-Za-z0-9]{20,}|\bgithub_pat_\w+"
    r"|\b(?:IQoJ|FwoG|FQoG)[A-Za-z0-9+/=]{40,}"  # an AWS session token
)


def without_secrets(text: str) -> str:
    """The text with every token in it replaced."""
    return _SECRETS.sub(HIDDEN, text)
