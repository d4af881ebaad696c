"""The time this Stripe believes in: the machine's, moved ahead by hand."""

import time

FARTHEST = 5 * 366 * 24 * 3600  # five years; beyond it a unit was mistaken


class Clock:
    """Seconds since the epoch; moves only forward."""

    def __init__(self) -> None:
        self._ahead = 0

    def now(self) -> int:
        """The time that objects carry."""
        return int(time.time()) + self._ahead

    def advance(self, seconds: int) -> int:
        """Move ahead and return the new time."""
        if seconds < 0:
            raise ValueError("a clock does not go back")
        if seconds > FARTHEST:
            raise ValueError(f"a clock goes ahead by at most {FARTHEST} seconds at once")
        self._ahead += seconds
        return self.now()

    def reset(self) -> None:
        """Return to the machine's time."""
        self._ahead = 0


def wall_time() -> int:
    """The machine's time, which webhook signatures carry: the receiver judges their age by its own clock."""
    return int(time.time())
