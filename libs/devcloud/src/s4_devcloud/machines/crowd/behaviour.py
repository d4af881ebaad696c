"""How a machine of the crowd misbehaves."""

from dataclasses import dataclass, replace
from typing import Any, Literal

Stage = Literal["none", "tcp", "version", "login", "command"]
STAGES: tuple[Stage, ...] = ("none", "tcp", "version", "login", "command")
KINDS: dict[str, Any] = {
    "stage": str,
    "seconds": int | float,
    "clock_skew_seconds": int | float,
    "disk_full": bool,
    "version": str,
    "bucket_code": str,
    "silent_grids": bool,
    "strange_key": bool,
}


class BehaviourRefused(Exception):
    """No machine can do that; the text says why."""


@dataclass(frozen=True)
class Behaviour:
    """`stage` is how far an SSH connection gets before nothing follows, for ever."""

    stage: Stage = "none"
    seconds: float = 0.0  # that each command takes longer
    clock_skew_seconds: float = 0.0
    disk_full: bool = False
    version: str = "s4-node 1.0.0"
    bucket_code: str = ""  # what is wrong with every grid's bucket
    silent_grids: bool = False  # grids run, and do not listen
    strange_key: bool = False  # another host key than user-data has

    def but(self, changes: dict[str, Any]) -> "Behaviour":
        """With these changes. Raises BehaviourRefused."""
        for name, value in changes.items():
            if name not in KINDS:
                raise BehaviourRefused(f"{name} is nothing that a machine of the crowd does")
            if not isinstance(value, KINDS[name]) or isinstance(value, bool) is not (KINDS[name] is bool):
                raise BehaviourRefused(f"{name} has another type")
        if changes.get("stage", "none") not in STAGES:
            raise BehaviourRefused(f"stage is one of {', '.join(STAGES)}")
        return replace(self, **changes)
