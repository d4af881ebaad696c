"""What the API server has been told to do wrong, and how often."""

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["error", "cut", "slow"]
KINDS = ("error", "cut", "slow")


class FaultRefused(Exception):
    """The fault as described makes no sense; the text says why."""


@dataclass
class Fault:
    """One thing that will go wrong `times` more times, at requests of this verb for this resource; * is any."""

    kind: Kind
    id: int
    verb: str = "*"
    resource: str = "*"
    times: int = 1
    code: int = 500
    message: str = "injected"
    retry_after: int = 0
    seconds: float = 0.0


@dataclass
class Faults:
    """All pending faults; each use counts one down."""

    _pending: list[Fault] = field(default_factory=list)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def add(self, described: dict[str, Any]) -> Fault:
        """The fault from its JSON form. Raises FaultRefused."""
        if described.get("kind") not in KINDS:
            raise FaultRefused(f"kind is one of {', '.join(KINDS)}")
        try:
            fault = Fault(id=next(self._ids), **described)
        except TypeError as unknown:
            raise FaultRefused(str(unknown)) from None
        self._pending.append(fault)
        return fault

    def take(self, verb: str, resource: str) -> Fault | None:
        """The oldest pending fault of this request, used up once."""
        for fault in self._pending:
            if fault.verb in {"*", verb} and fault.resource in {"*", resource}:
                fault.times -= 1
                self._pending = [kept for kept in self._pending if kept.times > 0]
                return fault
        return None

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._pending.clear()

    def listed(self) -> list[dict[str, Any]]:
        """The pending faults in JSON form."""
        return [asdict(fault) for fault in self._pending]
