"""How long messages wait in a queue, by those that have left it."""

from __future__ import annotations

from datetime import datetime


class Waiting:
    """Queues give their messages in order: who still waits is not older than who was last handled."""

    def __init__(self) -> None:
        self._not_older_than: datetime | None = None

    def passed(self, emitted: datetime) -> None:
        """A message that was emitted then has left the queue. One that had to wait for another try says nothing new."""
        if self._not_older_than is None or emitted > self._not_older_than:
            self._not_older_than = emitted

    def oldest(self, messages: int, now: datetime) -> float:
        """For how many seconds, at most, the oldest of so many messages has waited."""
        if not messages or self._not_older_than is None:
            self._not_older_than = now
        return max(0.0, (now - self._not_older_than).total_seconds())
