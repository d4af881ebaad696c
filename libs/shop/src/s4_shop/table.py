"""`make status`: one line for each part, and how those that ended did."""

import time
from collections.abc import Sequence
from pathlib import Path

from s4_shop import processes
from s4_shop.folder import StateFolder
from s4_shop.plan import Part
from s4_shop.status import PartStatus

_KIB_PER_MIB = 1024


def table(folder: StateFolder, parts: Sequence[Part], now: dict[str, PartStatus]) -> str:
    """The parts as a person wants to see them."""
    watched = processes.recall(folder.supervisor_pid)
    lines = [f"{'part':<22}{'state':<10}{'pid':>8}{'port':>7}{'uptime':>10}{'memory':>10}{'restarts':>10}"]
    lines += [_row(folder, part, now.get(part.name, PartStatus())) for part in parts]
    lines.append("")
    lines.append(
        f"state folder {folder.root}; " + (f"supervisor {watched.pid}" if watched else "NO SUPERVISOR: make up")
    )
    for part in parts:
        one = now.get(part.name, PartStatus())
        if one.exits:
            last = one.exits[-1]
            ago = _span(time.time() - last.at)
            lines.append(f"\n{part.name} {last}, {ago} ago. Its last log lines:")
            lines += [f"    | {line}" for line in last.lines.splitlines()]
    return "\n".join(lines)


def memory_mib(pid: int) -> float:
    """Resident memory of the process and all that descends from it, each shared page divided among its sharers."""
    return sum(_pss_kib(member) for member in processes.family(pid)) / _KIB_PER_MIB


def _row(folder: StateFolder, part: Part, one: PartStatus) -> str:
    process = processes.recall(folder.pid_file(part.name))
    state = one.state if process or one.state not in ("ready", "starting") else "gone"
    uptime = _span(time.time() - one.since) if state == "ready" else ""
    memory = f"{memory_mib(process.pid):.0f} MiB" if process else ""
    pid, port = process.pid if process else "", part.port or ""
    return f"{part.name:<22}{state:<10}{pid:>8}{port:>7}{uptime:>10}{memory:>10}{one.restarts or '':>10}"


def _pss_kib(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s" if minutes else f"{rest}s"
