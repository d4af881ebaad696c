"""A host's life as a table: pure, total, and every pair comes to rest."""

from enum import StrEnum
from types import MappingProxyType
from typing import assert_never


class HostWanted(StrEnum):
    """What the host should come to: take grids, let them go, or go."""

    OPEN = "open"
    DRAINED = "drained"
    ABSENT = "absent"


class HostStage(StrEnum):
    """What is being made or taken away now; READY, GONE and FAILED are where nothing is."""

    PLAN = "plan"
    LAUNCH = "launch"
    BOOT = "boot"
    PREPARE = "prepare"
    READY = "ready"
    RELEASE = "release"
    GONE = "gone"
    FAILED = "failed"


UP = MappingProxyType(
    {
        HostStage.PLAN: HostStage.LAUNCH,
        HostStage.LAUNCH: HostStage.BOOT,
        HostStage.BOOT: HostStage.PREPARE,
        HostStage.PREPARE: HostStage.READY,
    }
)
DOWN = MappingProxyType({HostStage.RELEASE: HostStage.GONE})
# A grid may be placed on these: it waits there until the host is ready.
COMING = frozenset({*UP, HostStage.READY})


def turned(wanted: HostWanted, stage: HostStage) -> HostStage:
    """Where a host in this stage works on what is wanted: the same stage when it is on its way there, or rests."""
    match wanted:
        case HostWanted.OPEN | HostWanted.DRAINED:
            return stage
        case HostWanted.ABSENT:
            return stage if stage in DOWN or stage is HostStage.GONE else HostStage.RELEASE
    assert_never(wanted)


def next_stage(wanted: HostWanted, stage: HostStage) -> HostStage | None:
    """The stage that follows once this one's step is done; None where the host rests."""
    match wanted:
        case HostWanted.OPEN | HostWanted.DRAINED:
            return UP.get(stage) or DOWN.get(stage)
        case HostWanted.ABSENT:
            return DOWN.get(stage)
    assert_never(wanted)
