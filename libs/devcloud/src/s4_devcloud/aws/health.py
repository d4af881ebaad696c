"""What ails an instance: what is the matter with its machine, and what EC2 has been told to say."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Literal

Check = Literal["instance", "system"]
CHECKS: tuple[Check, ...] = ("instance", "system")
EVENT_CODES = ("instance-reboot", "system-reboot", "system-maintenance", "instance-retirement", "instance-stop")


@dataclass(frozen=True)
class Event:
    """Something that EC2 plans to do with the instance; times in seconds since 1970."""

    code: str
    not_before: float
    description: str
    id: str = field(default_factory=lambda: f"instance-event-{secrets.token_hex(8)}0")


@dataclass
class Health:
    """A lost machine fails both checks, one that is cut off none of itself: EC2 may be slow to see it."""

    is_lost: bool = False
    is_cut: bool = False
    said_to_fail: set[Check] = field(default_factory=set)
    failed_since: float | None = None
    events: list[Event] = field(default_factory=list)

    def failed_checks(self) -> set[Check]:
        """The checks that fail now."""
        failed = set(CHECKS) if self.is_lost else set(self.said_to_fail)
        if not failed:
            self.failed_since = None
        elif self.failed_since is None:
            self.failed_since = time.time()
        return failed
