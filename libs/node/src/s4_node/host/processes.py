"""What /proc says about a process."""

from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
LISTEN = "0A"
STATE_FIELD, START_FIELD = 0, 19  # of /proc/PID/stat, counted after the name in parentheses (proc(5): 3 and 22)


def started_at(pid: int) -> int | None:
    """The clock ticks after boot at which it started, which with the pid names it for ever; None when it is dead."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[STATE_FIELD] in {"Z", "X"} else int(fields[START_FIELD])


def with_arguments(tail: list[str]) -> int | None:
    """The process of this user whose command line ends so."""
    for entry in PROC.iterdir():
        if entry.name.isdecimal() and _arguments(entry)[-len(tail) :] == tail and started_at(int(entry.name)):
            return int(entry.name)
    return None


def listening_ports(pid: int) -> set[int]:
    """The TCP ports that this very process listens on."""
    sockets: set[str] = set()
    ports: set[int] = set()
    with suppress(FileNotFoundError, PermissionError, ProcessLookupError):  # it died meanwhile, or is not ours
        for entry in (PROC / str(pid) / "fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                sockets.add(str(entry.readlink()))
        for table in ("tcp", "tcp6"):
            for line in (PROC / str(pid) / "net" / table).read_text().splitlines()[1:]:
                _, local, _, state, *_, inode = line.split()[:10]
                if state == LISTEN and f"socket:[{inode}]" in sockets:
                    ports.add(int(local.rpartition(":")[2], 16))
    return ports


def _arguments(entry: Path) -> list[str]:
    try:
        return (entry / "cmdline").read_text().split("\0")[:-1]
    except (FileNotFoundError, PermissionError, ProcessLookupError, UnicodeDecodeError):
        return []
