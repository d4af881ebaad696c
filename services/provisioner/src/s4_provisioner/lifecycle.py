"""A grid's life as a table: pure, total, and every pair comes to rest.

``wanted`` is what billing's events last said. ``stage`` is what is being made, or where the grid rests. Only the way
up is built so far: a grid that is wanted suspended or absent stays where it is.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import assert_never


class Wanted(StrEnum):
    """What the grid should come to."""

    READY = "ready"
    SUSPENDED = "suspended"
    ABSENT = "absent"


class Stage(StrEnum):
    """What is being made now; READY and FAILED are where nothing is."""

    IDENTITY = "identity"
    BUCKET = "bucket"
    CREDENTIALS = "credentials"
    HOST = "host"
    BOOT = "boot"
    NODE = "node"
    DNS = "dns"
    PROOF = "proof"
    READY = "ready"
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
# Where to go on when the host turns out to be gone: everything from its launch on is done again, on a new one.
ON_A_HOST = frozenset({Stage.HOST, Stage.BOOT, Stage.NODE, Stage.DNS, Stage.PROOF})


def next_stage(wanted: Wanted, stage: Stage) -> Stage | None:
    """The stage that follows once this one's step is done; None where the grid rests and no step is due."""
    match wanted:
        case Wanted.READY:
            return UP.get(stage)
        case Wanted.SUSPENDED | Wanted.ABSENT:
            return None
    assert_never(wanted)


def stage_without_host(stage: Stage) -> Stage:
    """Where a grid whose host was lost goes on."""
    return Stage.HOST if stage in ON_A_HOST else stage


def position(stage: Stage) -> int:
    """The step's number on the way up, from 1; a stage of rest counts as the last."""
    steps = list(UP)
    return steps.index(stage) + 1 if stage in UP else len(steps)


TOTAL = len(UP)
