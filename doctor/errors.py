"""What a command can't work with."""


class UsageError(Exception):
    """Input that can't be used. Its text is one line that says what to do; the command ends with exit status 2.

    The text never holds a token, a signature, a key or a credential, or a part of one.
    """
