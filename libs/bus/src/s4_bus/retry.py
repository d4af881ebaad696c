"""When to try again, and when to stop."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import msgspec

from s4_bus.topology import RETRY_DELAYS

MAX_ATTEMPTS = 8  # 1 s, 5 s, 30 s and four times 5 min: about 20 minutes
JITTER = 0.2


class Retry(msgspec.Struct, frozen=True):
    """In which retry queue to wait, and for how long."""

    tier: str
    delay: timedelta


def next_retry(attempt: int, retry_after: timedelta | None, random: Random) -> Retry | None:
    """How to go on after failed attempt number ``attempt`` (from 1); None when it was the last one.

    ``retry_after`` asks for a longer wait, which ends at the longest delay: a queue gives its messages back in order.
    """
    if attempt >= MAX_ATTEMPTS:
        return None
    tiers = list(RETRY_DELAYS.items())
    wanted = retry_after or timedelta()
    for tier, delay in tiers[min(attempt, len(tiers)) - 1 :]:
        if delay >= wanted:
            return Retry(tier, delay * (1 + JITTER * random.uniform(-1, 1)))
    tier, delay = tiers[-1]
    return Retry(tier, delay * (1 + JITTER * random.uniform(0, 1)))
