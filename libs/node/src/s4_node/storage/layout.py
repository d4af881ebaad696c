"""Where in the bucket everything is; the keys are those of the disk backend's paths, so that a plain copy is a node.

    shares/<first two of si>/<si>/<shnum>     a share, byte for byte the file of the disk backend
    leases/<first two of si>/<si>             renewed leases of that storage index: 72-byte records, nothing else
    corruption-advisories/<time>--<si>-<shnum>   what a client said about a share
    meta/usage.json                           the last count of bytes and objects

`si` is the storage index in Tahoe-LAFS' base32, 26 characters.
"""

import re
from typing import NamedTuple

from allmydata.storage.common import si_a2b, si_b2a

SHARES = "shares/"
LEASES = "leases/"
ADVISORIES = "corruption-advisories/"
META = "meta/"
USAGE = META + "usage.json"
ROOTS = (SHARES, LEASES, ADVISORIES, META)

# 26 characters hold 130 bits: the last two of the last one are not the index', and are zeros.
_SHARE = re.compile(r"shares/([a-z2-7]{2})/(\1[a-z2-7]{23}[aeimquy4])/(0|[1-9][0-9]*)")
_LEASES = re.compile(r"leases/([a-z2-7]{2})/(\1[a-z2-7]{23}[aeimquy4])")


class ShareName(NamedTuple):
    """Which share a key is."""

    storage_index: bytes  # 16 bytes
    number: int


def shares_of(storage_index: bytes) -> str:
    """The prefix of every share of a storage index."""
    name = _text(storage_index)
    return f"{SHARES}{name[:2]}/{name}/"


def share(storage_index: bytes, number: int) -> str:
    """The key of one share."""
    return f"{shares_of(storage_index)}{number}"


def leases(storage_index: bytes) -> str:
    """The key of the renewed leases of a storage index."""
    name = _text(storage_index)
    return f"{LEASES}{name[:2]}/{name}"


def advisory(when: str, storage_index: bytes, number: int) -> str:
    """The key of a client's word that a share is corrupt; `when` sorts."""
    return f"{ADVISORIES}{when}--{_text(storage_index)}-{number}"


def share_name(key: str) -> ShareName | None:
    """Which share this key is; None for any other key."""
    found = _SHARE.fullmatch(key)
    return ShareName(si_a2b(found[2].encode()), int(found[3])) if found else None


def leases_name(key: str) -> bytes | None:
    """Of which storage index this key holds leases; None for any other key."""
    found = _LEASES.fullmatch(key)
    return bytes(si_a2b(found[2].encode())) if found else None


def _text(storage_index: bytes) -> str:
    return str(si_b2a(storage_index).decode("ascii"))
