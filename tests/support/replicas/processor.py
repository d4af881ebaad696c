"""Which process used how much of the processor."""

import os
from pathlib import Path

from s4_shop import processes
from support.replicas.shop import ReplicatedShop

_TICKS = os.sysconf("SC_CLK_TCK")
_PARTS = ("postgres", "rabbitmq", "aws", "stripe", "mail", "mailbox")
_TIMES = slice(11, 15)  # of /proc/PID/stat after the name: user, system, and of children that have ended


def used(made: ReplicatedShop) -> dict[str, float]:
    """Seconds of processor so far of each service's living replicas, of each part, and of this process."""
    of_services = {
        name: sum(_seconds(one.pid) for one in service.replicas if not one.is_ending)
        for name, service in made.services.items()
    }
    of_parts = {name: _seconds(pid) for name in _PARTS if (pid := made.shop.pid(name)) is not None}
    return {**of_services, **of_parts, "the driver": _alone(os.getpid())}


def spent(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """What each used between two looks."""
    return {name: round(seconds - before.get(name, 0.0), 1) for name, seconds in after.items()}


def _seconds(pid: int) -> float:
    return sum(_alone(member) for member in processes.family(pid))


def _alone(pid: int) -> float:
    """Of one process and the children that it has waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    times = fields[_TIMES]
    return sum(map(int, times if pid != os.getpid() else times[:2])) / _TICKS
