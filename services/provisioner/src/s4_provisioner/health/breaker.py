"""Whether anything is replaced or mended in a region: not while so much fails at once that the region itself is ill.

Pure. The row that it moves is in health.breakers.
"""

from datetime import timedelta
from enum import StrEnum
from typing import assert_never

import msgspec

from s4_provisioner.health.settings import HealthSettings


class State(StrEnum):
    """CLOSED is the usual one; OPEN: nothing is done; HALF_OPEN: a few are tried."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How a region is: of the hosts that are looked at, and those just lost, how many are bad; of the grids likewise.

    A host counts as bad, too, when most that it serves fails. ``failing_apart`` leaves out the host on which most fail:
    one host with many grids is no outage.
    """

    hosts: int
    bad_hosts: int
    grids: int = 0
    failing_apart: int = 0


class Trials(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the few that were tried: how many there were, and how many grids are not ready again."""

    begun: int = 0
    pending: int = 0


def is_outage(count: Count, limits: HealthSettings) -> bool:
    """Whether so much fails that it is not the hosts or the grids."""
    return _is_many(count.bad_hosts, count.hosts, limits) or _is_many(count.failing_apart, count.grids, limits)


def _is_many(bad: int, of: int, limits: HealthSettings) -> bool:
    return bad >= limits.breaker_least and bad > limits.breaker_share * of


class Region(msgspec.Struct, frozen=True, kw_only=True):
    """How it is: what went bad ``lately``, within the window or since the breaker is half open; what is bad ``now``."""

    lately: Count
    now: Count
    trials: Trials = Trials()


def following(state: State, waited: timedelta, region: Region, limits: HealthSettings) -> State:
    """The state after this count, when the present one has held for as long as ``waited``."""
    match state:
        case State.CLOSED:
            return State.OPEN if is_outage(region.lately, limits) else state
        case State.OPEN:
            answers = not is_outage(region.now, limits) and not is_outage(region.lately, limits)
            return State.HALF_OPEN if answers or waited >= limits.breaker_rest else state
        case State.HALF_OPEN:
            if is_outage(region.lately, limits) or waited >= limits.breaker_rest:
                return State.OPEN
            is_calm = waited >= limits.breaker_calm and not is_outage(region.now, limits)
            has_worked = region.trials.begun > 0 and region.trials.pending == 0
            return State.CLOSED if has_worked or (is_calm and region.trials.pending == 0) else state
    assert_never(state)
