"""What must never be read in a log, and what is read in its place."""

import re

SECRETS = re.compile(
    r"""
      pb(\+tor)?://\S+                        # a furl or a NURL: the right to use a grid
    | URI:[-A-Za-z0-9:]+                      # a capability to one file
    | priv-v0-[a-z0-9]+                       # an announcement key
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.*  # a tub's key, whatever follows
    """,
    re.VERBOSE | re.DOTALL,
)


def redacted(text: str) -> str:
    """The text without any capability or key."""
    return SECRETS.sub("[secret]", text)
