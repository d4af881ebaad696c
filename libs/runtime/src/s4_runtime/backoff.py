"""How long to wait before the next try."""

from datetime import timedelta
from random import Random

import msgspec


class Backoff(msgspec.Struct, frozen=True):
    """Doubles from ``base`` up to ``cap``, spread by ``jitter`` to either side so that many do not return at once."""

    base: timedelta
    cap: timedelta
    jitter: float = 0.2

    def delay(self, attempt: int, random: Random) -> timedelta:
        """The wait after failure number ``attempt``, which counts from 1. Never more than ``cap`` and its jitter."""
        doubled = self.base * float(2 ** min(max(attempt, 1) - 1, 30))
        return min(doubled, self.cap) * (1 + self.jitter * random.uniform(-1, 1))
