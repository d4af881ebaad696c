"""Ways for the API to misbehave, ordered through the control port and used up one request at a time."""

import fnmatch
from dataclasses import dataclass
from typing import Literal, get_args

FaultKind = Literal[
    "500",
    "503",
    "429",
    "409",
    "lock_timeout",
    "hang",
    "slow",
    "drop",
    "commit_then_timeout",
    "html",
    "cut_body",
    "slow_body",
]
"""500 is kept under the idempotency key, as Stripe does.

503, 429, 409, lock_timeout, html and drop come before any work and are not kept. hang and commit_then_timeout last
until the caller hangs up; slow lasts `seconds` and then goes on. For cut_body and slow_body the work is done: half of
the answer comes, or all of it within `seconds`.
"""


@dataclass
class Fault:
    """Do `kind` to the next `times` requests that match `METHOD /path`, where * stands for anything."""

    match: str
    kind: FaultKind
    times: int = 1
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"kind must be one of {', '.join(get_args(FaultKind))}")
        if self.times < 1:
            raise ValueError("times must be at least 1")


class Faults:
    """The faults that were ordered and not yet used up."""

    def __init__(self) -> None:
        self.pending: list[Fault] = []

    def order(self, fault: Fault) -> None:
        """Add one, behind those already ordered."""
        self.pending.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this request, one time less of it."""
        for fault in self.pending:
            if fnmatch.fnmatchcase(f"{method} {path}", fault.match):
                fault.times -= 1
                if fault.times == 0:
                    self.pending.remove(fault)
                return fault
        return None

    def clear(self) -> None:
        """Behave again."""
        self.pending.clear()
