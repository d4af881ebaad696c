"""What helps a grid that a real client could not use: pure and total.

In this order: a bad host decides for its grids; what a restart cannot mend is not restarted; the node is told anew on
its host a few times; the grid moves once; then a person looks.
"""

import msgspec

from s4_provisioner.drivers.contract import GridReport

# By the node's own account (the node's README, "Why a bucket cannot be used").
LENDING_HELPS = frozenset({"credentials-expired", "credentials-refused", "credentials-missing"})
# What came back was not what was stored: whatever that is, a restart would only hide it.
_FOR_A_PERSON = {"probe-mismatch"}


class Signs(msgspec.Struct, frozen=True, kw_only=True):
    """What the client said, and what else is known.

    ``told``: how the grid is by its host's account; None where the host has no such grid. ``mends``: within the hour.
    """

    probe_code: str
    host_is_bad: bool
    told: GridReport | None
    mends: int


class LeaveToHost(msgspec.Struct, frozen=True):
    """The host is looked at now, and what becomes of it becomes of the grid."""


class Lend(msgspec.Struct, frozen=True):
    """The node gets a new session, without a restart; one that has no place for it is told anew (see lending)."""

    code: str


class NoRemedy(msgspec.Struct, frozen=True):
    """Nothing that we could do would help: it is tried again later, and a person is told."""

    code: str


class TellAnew(msgspec.Struct, frozen=True):
    """The node is told again what it is, started, and proved, where it is."""


class Move(msgspec.Struct, frozen=True):
    """The grid goes to another host."""


Remedy = LeaveToHost | Lend | NoRemedy | TellAnew | Move


def remedy(signs: Signs, mends_per_hour: int) -> Remedy:
    """What is to be done next."""
    if signs.host_is_bad:
        return LeaveToHost()
    code = signs.told.bucket_code if signs.told else None
    if code in LENDING_HELPS:
        return Lend(code)
    if code is not None:
        return NoRemedy(code)
    if signs.probe_code in _FOR_A_PERSON:
        return NoRemedy(signs.probe_code)
    if signs.mends < mends_per_hour:
        return TellAnew()
    return Move() if signs.mends == mends_per_hour else NoRemedy("mended-in-vain")
