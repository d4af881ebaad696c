"""How the grids of this host are, and the host itself: asked of the processes, in one go for all."""

import os
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any

from s4_node.host.buckets import bucket_of, usage_of
from s4_node.host.homes import Home, Homes
from s4_node.host.processes import listening_ports
from s4_node.host.shards import Shards, ask_as_owner
from s4_node.host.supervisors import Life, Seen, Service
from s4_node.serve.control import NobodyServes

STATES: dict[Life, str] = {"up": "running", "coming": "starting", "down": "stopped", "failed": "failed"}
OF_A_SHARD = {"serving": "running", "waiting": "starting", "starting": "starting", "stopping": "starting"}
ASKED_SECONDS, ASKED_IN_ALL_SECONDS = 2.0, 10.0
SILENT_NODES = {"introducer": False, "storage": False}
UNKNOWN = {"shard": None, "bucket": None, "usage": None, "credentials_until": None, "version": None}
ABSENT: dict[str, Any] = {"state": "absent", "listening": SILENT_NODES, **UNKNOWN}
MIB = 2**20
VERSION = re.compile(r"[0-9][0-9A-Za-z.+-]{0,30}")


@dataclass
class Looking:
    """One look; what is seen of a process is seen once."""

    homes: Homes
    shards: Shards
    until: float = field(default_factory=lambda: time.monotonic() + ASKED_IN_ALL_SECONDS)

    def at_one(self, grid_id: str) -> dict[str, Any]:
        """How the grid is; its process has to be alive and to listen itself on both ports for `running`."""
        home = self.homes.find(grid_id)
        grid = ABSENT if home is None else self._grids({grid_id: home}, only=grid_id).get(grid_id, ABSENT)
        return {**grid, "version": grid["version"] or node_version()}

    def at_all(self) -> dict[str, Any]:
        """The host and every grid on it."""
        return {
            "version": node_version(),
            "clock": int(time.time()),
            "memory_mib": memory_mib(),
            "disk_free_mib": disk_free_mib(self.homes),
            "grids": self._grids(self.homes.all(), only=None),
        }

    def _grids(self, found: Mapping[str, Home], only: str | None) -> dict[str, Any]:
        services = {service.name: service for service in map(self._service, found, found.values())}
        lives = self.shards.supervisor.see(services.values())
        said = {name: self._asked(services[name], lives[name], only) for name in services}
        ports = cache(listening_ports)
        answer = {}
        for grid_id, home in found.items():
            name = home.shard or grid_id
            try:
                answer[grid_id] = _one(home, lives[name], said[name], grid_id, ports(lives[name].pid))
            except FileNotFoundError:  # it went elsewhere while we looked
                continue
        return answer

    def _service(self, grid_id: str, home: Home) -> Service:
        return Service("run", grid_id, home.path) if home.shard is None else self.shards.service(home.shard)

    def _asked(self, service: Service, seen: Seen, only: str | None) -> "Said":
        """What the process says of its grids; nothing where it is not there, or silent."""
        seconds = min(ASKED_SECONDS, self.until - time.monotonic())
        if not seen.pid or seconds <= 0:
            return Said({})
        try:
            if service.kind == "shard":
                return Said(self.shards.conditions(service.name, only, seconds))
            return Said(ask_as_owner(service.home, Home(service.home, None).owner, "GET", "/grids", seconds))
        except (NobodyServes, FileNotFoundError):
            return Said({})


@dataclass(frozen=True)
class Said:
    """What a process says of itself. It may have been broken into: nothing is believed to have any form."""

    answer: Mapping[str, Any]

    @property
    def version(self) -> str | None:
        """What it runs, which is not what is installed where that was replaced under it."""
        version = str(self.answer.get("version", ""))
        return f"s4-node {version}" if VERSION.fullmatch(version) else None

    def of(self, grid_id: str) -> Mapping[str, Any]:
        """Of one grid."""
        grids = self.answer.get("grids")
        grid = grids.get(grid_id) if isinstance(grids, dict) else None
        return grid if isinstance(grid, dict) else {}


def _one(home: Home, seen: Seen, said: Said, grid_id: str, listening: Iterable[int]) -> dict[str, Any]:
    grid = said.of(grid_id)
    nodes = SILENT_NODES if home.is_at_rest else {node: port in listening for node, port in home.ports().items()}
    return {
        "state": _state(home, seen, grid, is_listening=all(nodes.values())),
        "listening": nodes,
        "shard": home.shard,
        "bucket": bucket_of(grid),
        "usage": usage_of(grid),
        "credentials_until": home.credentials_until(),
        "version": None if home.is_at_rest else said.version,
    }


def _state(home: Home, seen: Seen, said: Mapping[str, Any], *, is_listening: bool) -> str:
    if home.shard is None:
        return "starting" if seen.life == "up" and not is_listening else STATES[seen.life]
    if home.is_at_rest:
        return "stopped"
    if seen.life in {"down", "failed"}:
        return "failed"
    state = OF_A_SHARD.get(str(said.get("state", "waiting")), "failed")
    return "starting" if state == "running" and not is_listening else state


def node_version() -> str:
    """What is installed here, and runs unless it was replaced under running nodes."""
    return f"s4-node {version('s4-node')}"


def memory_mib() -> dict[str, int]:
    """Of the whole host, as the kernel counts it."""
    with open("/proc/meminfo", encoding="ascii") as file:  # noqa: PTH123  no file of ours
        lines = dict(line.split(":", 1) for line in file)
    names = {"total": "MemTotal", "available": "MemAvailable"}
    return {ours: int(lines[theirs].split()[0]) // 1024 for ours, theirs in names.items()}


def disk_free_mib(homes: Homes) -> int:
    """What grids may still take of the disk that they are on."""
    found = os.statvfs(homes.root)
    return found.f_bavail * found.f_frsize // MIB
