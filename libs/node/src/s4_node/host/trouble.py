"""What kept the host from doing something, as a short code."""

import errno

FULL = (errno.ENOSPC, errno.EDQUOT)


def code_of(error: Exception) -> str:
    """`disk-full`, or the class of what was raised: never its text, which may hold the content of a file."""
    if isinstance(error, OSError) and error.errno in FULL:
        return "disk-full"
    return type(error).__name__
