"""What the invite agent tells about itself."""

import time

from prometheus_client import Counter, Gauge

OPEN = Gauge("invites_open", "Invites with a code that can be used now, of all replicas.")
IN_HAND = Gauge("invites_in_hand", "Invites that this process holds a mailbox open for, or tries to.")
UNREACHABLE = Gauge("invites_unreachable", "Open invites whose mailbox cannot be reached now, of all replicas.")
CLAIMED = Counter("invites_claimed_total", "Invites that were used.")
ENDED = Counter("invites_ended_total", "Invites that nobody can use any more, and nobody has.", ["outcome"])
TROUBLE = Counter("invites_trouble_total", "Conversations that broke off and are begun again.", ["code"])
MAILBOX_SILENT = Gauge(
    "invites_mailbox_silent_seconds", "How long ago the mailbox server was last heard while somebody listened to it."
)


class LastHeard:
    """When the mailbox server last answered this process; while there is nothing to ask it, it is not missed."""

    def __init__(self) -> None:
        self._connections = 0
        self._at = time.monotonic()
        MAILBOX_SILENT.set_function(self.seconds)

    def seconds(self) -> float:
        """For how long nobody has had a connection."""
        return 0.0 if self._connections else time.monotonic() - self._at

    def opened(self) -> None:
        """One more connection serves."""
        self._connections += 1

    def lost(self) -> None:
        """One less; it served until now."""
        self._connections -= 1
        self._at = time.monotonic()

    def not_needed(self) -> None:
        """There is no invite to keep open."""
        self._at = time.monotonic()
