"""How this host runs its grids: what the file named by S4_HOST_CONFIG, or /etc/s4/host.json, says."""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

SYSTEM_FILE = Path("/etc/s4/host.json")
VARIABLE = "S4_HOST_CONFIG"
BIND = re.compile(r"([0-9]{1,3}(\.[0-9]{1,3}){3})?")
# What neither systemd nor a shell reads as anything but itself.
NAME, VALUE = re.compile(r"[A-Z][A-Z0-9_]*"), re.compile(r"[-A-Za-z0-9_.,:;/@+=]*")
LEAST_SPOOL = 64 * 2**20
# A shard of a hundred grids at rest is 113 MiB (bench/node/bench_density.py); what is read and written takes the rest.
SHARD_LIMITS = {"shard_memory_mib": (1024, 128), "shard_cpu_percent": (100, 5)}  # usually, and at least


class BadConfiguration(ValueError):
    """The host's own configuration is wrong."""


@dataclass(frozen=True)
class HostConfiguration:
    """Where the grids live and who runs them."""

    root: Path = Path("/var/lib/s4/grids")
    supervisor: Literal["systemd", "process"] = "systemd"
    user: str | None = "s4-grid"  # None: whoever runs the command
    bind: str = ""  # listen on this address only; empty: on all
    spool_bytes: int | None = None  # of each grid's uploads that are not yet in its bucket; None: the node's default
    shard_memory_mib: int = SHARD_LIMITS["shard_memory_mib"][
        0
    ]  # at most, of one shard; beyond it is killed, and started again
    shard_cpu_percent: int = SHARD_LIMITS["shard_cpu_percent"][0]  # of one processor, at most
    environment: Mapping[str, str] = field(default_factory=dict)  # what every grid's process gets beside its own
    named_by: str = ""  # the file, if it was named by the environment
    units: Path = Path("/etc/systemd/system")

    @property
    def node_command(self) -> Path:
        """The `s4-node` that was installed with this `s4-host`."""
        return Path(sys.prefix) / "bin" / "s4-node"

    @property
    def notes(self) -> Path:
        """What the host command itself remembers of its grids; no grid can write there."""
        return self.root / ".host"


def load(environ: Mapping[str, str]) -> HostConfiguration:
    """The configuration; without any file, the one for a machine of its own under systemd."""
    named = environ.get(VARIABLE, "")
    path = Path(named) if named else SYSTEM_FILE
    if not named and not path.exists():
        return HostConfiguration()
    try:
        fields = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadConfiguration(f"host configuration: {type(error).__name__}") from error
    return _checked(fields, named)


def _checked(fields: object, named_by: str) -> HostConfiguration:
    known = {"root", "supervisor", "user", "bind", "spool_bytes", "environment", *SHARD_LIMITS}
    if not isinstance(fields, dict) or not fields.keys() <= known:
        raise BadConfiguration(f"host configuration: the fields are {', '.join(sorted(known))}")
    root, supervisor = fields.get("root", "/var/lib/s4/grids"), fields.get("supervisor", "systemd")
    user, bind = fields.get("user", "s4-grid" if supervisor == "systemd" else None), fields.get("bind", "")
    if not isinstance(root, str) or not root.startswith("/"):
        raise BadConfiguration("host configuration: root is not an absolute path")
    if supervisor not in {"systemd", "process"}:
        raise BadConfiguration("host configuration: supervisor is neither systemd nor process")
    if not isinstance(user, str | None) or not isinstance(bind, str) or not BIND.fullmatch(bind):
        raise BadConfiguration("host configuration: user is a name, bind an IPv4 address")
    if supervisor == "systemd" and user is None:
        raise BadConfiguration("host configuration: systemd runs a grid as a user of its own")
    return HostConfiguration(
        Path(root),
        supervisor,
        user,
        bind,
        spool_bytes=_spool(fields),
        environment=_environment(fields),
        named_by=named_by,
        shard_memory_mib=_limit("shard_memory_mib", fields),
        shard_cpu_percent=_limit("shard_cpu_percent", fields),
    )


def _limit(name: str, fields: Mapping[str, object]) -> int:
    usual, least = SHARD_LIMITS[name]
    limit = fields.get(name, usual)
    if type(limit) is int and limit >= least:
        return limit
    raise BadConfiguration(f"host configuration: {name} is not a whole number, at least {least}")


def _spool(fields: Mapping[str, object]) -> int | None:
    size = fields.get("spool_bytes")
    if size is None or (type(size) is int and size >= LEAST_SPOOL):
        return size
    raise BadConfiguration(f"host configuration: spool_bytes is neither null nor at least {LEAST_SPOOL}")


def _environment(fields: Mapping[str, object]) -> dict[str, str]:
    found = fields.get("environment", {})
    if not isinstance(found, dict):
        raise BadConfiguration("host configuration: environment is not an object")
    for name, value in found.items():
        if not NAME.fullmatch(name) or name == VARIABLE or not isinstance(value, str) or not VALUE.fullmatch(value):
            raise BadConfiguration("host configuration: environment has a name or a value that no process may be given")
    return dict(found)
