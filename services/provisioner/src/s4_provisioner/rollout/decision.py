"""What is done next in a rollout, and what became of a grid that was moved. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from s4_provisioner.lifecycle import Stage, Wanted


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far it has come.

    ``round``: the batch that is under way, 0 before the canary; ``begun``: how many of its grids have begun to move,
    of which ``moving`` are on their way still. ``failed``: grids that were not proved. ``to_go``: grids that are
    served with another release; ``coming``: those that will be, because they are being made just now.
    """

    canary: int
    batch: int
    at_once: int
    round: int
    begun: int
    moving: int
    failed: int
    to_go: int
    coming: int = 0


class Begin(msgspec.Struct, frozen=True):
    """So many more grids begin to move, in this round."""

    grids: int
    round: int


class Wait(msgspec.Struct, frozen=True):
    """Something is on its way."""


class Pause(msgspec.Struct, frozen=True):
    """A person has to look."""


class Finish(msgspec.Struct, frozen=True):
    """Every grid has the release."""


Decision = Begin | Wait | Pause | Finish


def size(number: int, canary: int, batch: int) -> int:
    """How many grids a round moves: the canary first, then batches, each twice as large as the one before."""
    return canary if number == 1 else batch * 2 ** min(number - 2, 30)


def decide(seen: Progress) -> Decision:
    """A round begins when all of the one before it were proved; nothing begins after a failure."""
    if seen.failed:
        return Pause()
    room = max(0, seen.at_once - seen.moving)
    left = size(seen.round, seen.canary, seen.batch) - seen.begun if seen.round else 0
    if left > 0 and seen.to_go and room:
        return Begin(min(left, room, seen.to_go), seen.round)
    if seen.moving:
        return Wait()
    if not seen.to_go:
        return Wait() if seen.coming else Finish()
    following = seen.round + 1
    return Begin(min(size(following, seen.canary, seen.batch), room, seen.to_go), following)


class Judgement(StrEnum):
    """What became of a grid that was moved; LEFT: it is not to be served any more, or elsewhere, and does not count."""

    MOVING = "moving"
    PROVED = "proved"
    FAILED = "failed"
    LEFT = "left"


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A grid that began to move, as it is now. ``is_here``: in the pool; ``attempts`` of the step that it is at."""

    is_here: bool = True
    aim: Wanted
    stage: Stage
    release: str | None
    proved_at: datetime | None
    attempts: int
    began_at: datetime


def judge(moved: Moved, wanted: str, *, attempts: int, patience: timedelta, now: datetime) -> Judgement:
    """Proved is a grid that is ready on a host of the release, with a proof that is younger than its move.

    It has failed when it was given up, when its proof has failed ``attempts`` times, and when it takes too long.
    """
    if moved.aim is not Wanted.READY or not moved.is_here:
        return Judgement.LEFT
    has_proof = moved.proved_at is not None and moved.proved_at > moved.began_at
    if moved.stage is Stage.READY and moved.release == wanted and has_proof:
        return Judgement.PROVED
    has_failed = moved.stage is Stage.FAILED or (moved.stage is Stage.PROOF and moved.attempts > attempts)
    return Judgement.FAILED if has_failed or now - moved.began_at > patience else Judgement.MOVING
