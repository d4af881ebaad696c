"""A grid's life as a table: pure, total, and every pair comes to rest.

``wanted`` is what billing's events last said; what operators and owners say besides makes an aim of it. ``stage`` is
what is being made, or where the grid rests. A grid that wants something else than the way it is on turns first, and
then does the steps of the other way.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Literal, assert_never

# Who keeps a grid from being served.
StoppedFor = Literal["billing", "owner", "operator"]


class Wanted(StrEnum):
    """What the grid should come to."""

    READY = "ready"
    SUSPENDED = "suspended"
    ABSENT = "absent"


class Stage(StrEnum):
    """What is being made or taken away now; READY, SUSPENDED, ABSENT and FAILED are where nothing is."""

    IDENTITY = "identity"
    BUCKET = "bucket"
    CREDENTIALS = "credentials"
    HOST = "host"
    BOOT = "boot"
    NODE = "node"
    DNS = "dns"
    PROOF = "proof"
    READY = "ready"
    STOP = "stop"
    SUSPENDED = "suspended"
    UNNAME = "unname"
    RELEASE = "release"
    REVOKE = "revoke"
    EMPTY = "empty"
    FORGET = "forget"
    ABSENT = "absent"
    FAILED = "failed"


FIRST = Stage.IDENTITY
UP = MappingProxyType(
    {
        Stage.IDENTITY: Stage.BUCKET,
        Stage.BUCKET: Stage.CREDENTIALS,
        Stage.CREDENTIALS: Stage.HOST,
        Stage.HOST: Stage.BOOT,
        Stage.BOOT: Stage.NODE,
        Stage.NODE: Stage.DNS,
        Stage.DNS: Stage.PROOF,
        Stage.PROOF: Stage.READY,
    }
)
# Who could still write into the bucket goes before what is in it, and who the grid is goes last.
DOWN = MappingProxyType(
    {
        Stage.UNNAME: Stage.RELEASE,
        Stage.RELEASE: Stage.REVOKE,
        Stage.REVOKE: Stage.EMPTY,
        Stage.EMPTY: Stage.FORGET,
        Stage.FORGET: Stage.ABSENT,
    }
)
_ASIDE = MappingProxyType({Stage.STOP: Stage.SUSPENDED})
# Where a grid goes on that is to be on another host: everything from its placing on is done again, there.
ON_A_HOST = frozenset({Stage.HOST, Stage.BOOT, Stage.NODE, Stage.DNS, Stage.PROOF})


def aim(wanted: Wanted, *, frozen: bool, held: bool = False, paused: bool = False) -> Wanted:
    """What is worked towards: of a grid whose payment is contested nothing is removed, whatever else is wanted.

    One that an operator holds is not served either, and nothing of it is removed. One that its owner has paused is not
    served, and ends as any other.
    """
    is_kept = frozen and wanted is Wanted.ABSENT
    is_stopped = paused and wanted is Wanted.READY
    return Wanted.SUSPENDED if held or is_kept or is_stopped else wanted


def stopped_for(wanted: Wanted, *, held: bool, paused: bool) -> StoppedFor:
    """Who has to say something before a grid is served that is not: the one whose word is the strongest."""
    if held:
        return "operator"
    return "owner" if paused and wanted is Wanted.READY else "billing"


def turned(wanted: Wanted, stage: Stage) -> Stage:
    """Where a grid in this stage works on what is wanted: the same stage when it is on its way there, or rests.

    A failed one rests until a person looks or something else is wanted; a removed one has no keys to come back with.
    """
    match wanted:
        case Wanted.READY:
            return FIRST if stage in DOWN or stage in {Stage.STOP, Stage.SUSPENDED} else stage
        case Wanted.SUSPENDED:
            return Stage.STOP if stage in UP or stage is Stage.READY else stage
        case Wanted.ABSENT:
            rests = stage in {Stage.ABSENT, Stage.FAILED}
            return stage if rests or stage in DOWN else Stage.UNNAME
    assert_never(wanted)


def next_stage(wanted: Wanted, stage: Stage) -> Stage | None:
    """The stage that follows once this one's step is done; None where the grid rests and no step is due."""
    match wanted:
        case Wanted.READY:
            return UP.get(stage)
        case Wanted.SUSPENDED:
            return _ASIDE.get(stage)
        case Wanted.ABSENT:
            return DOWN.get(stage)
    assert_never(wanted)


def told_anew(stage: Stage) -> Stage:
    """Where a grid goes on whose node is to be told something else, and proved with it."""
    return Stage.NODE if stage in {Stage.DNS, Stage.PROOF, Stage.READY} else stage


def elsewhere(stage: Stage) -> Stage:
    """Where a grid goes on that is to be on another host, or whose host was lost."""
    return Stage.HOST if stage in ON_A_HOST or stage is Stage.READY else stage


def position(stage: Stage) -> int:
    """The step's number on the way up, from 1; a stage of rest counts as the last."""
    steps = list(UP)
    return steps.index(stage) + 1 if stage in UP else len(steps)


TOTAL = len(UP)
