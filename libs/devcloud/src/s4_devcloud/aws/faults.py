"""What the cloud has been told to do wrong, and how often."""

import itertools
import threading
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from s4_devcloud.machines.crowd.behaviour import Behaviour, BehaviourRefused

Kind = Literal["throttle", "error", "cut", "capacity", "slow-boot", "failed-boot", "bad-boot", "short-session"]
KINDS: tuple[Kind, ...] = (
    "throttle",
    "error",
    "cut",
    "capacity",
    "slow-boot",
    "failed-boot",
    "bad-boot",
    "short-session",
)
NEEDS_ACTION = {"throttle", "error", "cut"}


class FaultRefused(Exception):
    """The fault as described makes no sense; the text says why."""


@dataclass
class Fault:
    """One thing that will go wrong `times` more times."""

    kind: Kind
    id: int
    times: int = 1
    action: str = ""
    code: str = ""
    message: str = "injected"
    status: int = 400
    seconds: float = 0.0
    instance_type: str = ""
    zone: str = ""
    behaviour: dict[str, Any] = field(default_factory=dict)

    def is_about(self, about: dict[str, str]) -> bool:
        """Nothing that was said when it was described is otherwise here."""
        return all(getattr(self, name) in {"", value} for name, value in about.items())


@dataclass
class Faults:
    """All pending faults; each use counts one down."""

    _pending: list[Fault] = field(default_factory=list)
    _ids: Any = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, described: dict[str, Any]) -> Fault:
        """The fault from its JSON form. Raises FaultRefused."""
        kind = described.get("kind")
        if kind not in KINDS:
            raise FaultRefused(f"kind is one of {', '.join(KINDS)}, or of what happens at once")
        if kind in NEEDS_ACTION and not described.get("action"):
            raise FaultRefused(f"{kind} needs an action such as RunInstances")
        if kind == "error" and not described.get("code"):
            raise FaultRefused("error needs a code such as UnauthorizedOperation")
        try:
            fault = Fault(id=next(self._ids), **described)
        except TypeError as unknown:
            raise FaultRefused(str(unknown)) from None
        if kind == "bad-boot":
            _check(fault.behaviour)
        with self._lock:
            self._pending.append(fault)
        return fault

    def take(self, *kinds: Kind, **about: str) -> Fault | None:
        """The oldest pending fault of these kinds for this action, instance type and zone, used up once."""
        with self._lock:
            for fault in self._pending:
                if fault.kind in kinds and fault.is_about(about):
                    fault.times -= 1
                    self._pending = [kept for kept in self._pending if kept.times > 0]
                    return fault
        return None

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._pending.clear()

    def listed(self) -> list[dict[str, Any]]:
        """The pending faults in JSON form."""
        with self._lock:
            return [asdict(fault) for fault in self._pending]


def _check(behaviour: dict[str, Any]) -> None:
    try:
        Behaviour().but(behaviour)
    except BehaviourRefused as refused:
        raise FaultRefused(str(refused)) from None
