"""s4-host in memory: the commands of libs/node, with their answers, for grids that are rows. Pure but for the clock."""

import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

from s4_devcloud.machines.crowd.behaviour import Behaviour

GRID_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
MEMORY_MIB, SYSTEM_MIB, GRID_MIB, DISK_MIB = 2048, 300, 1, 8192
Answer = tuple[dict[str, Any], int]


class Refused(Exception):
    """What was told is wrong; `problems` name fields."""

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = list(problems)


@dataclass
class Grid:
    """One grid on one machine, as it was last applied."""

    told: dict[str, Any] = field(repr=False)
    state: str = "running"
    credentials_until: str | None = None
    lent: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def ports(self) -> dict[str, int]:
        """Where its two nodes listen."""
        return {node: int(self.told[node]["port"]) for node in ("introducer", "storage")}

    @property
    def certificate(self) -> str:
        """The storage server's key and certificate. Secret."""
        return str(self.told["storage"].get("files", {}).get("private/node.pem", ""))


class Host:
    """The grids of one machine. Each command may be given again."""

    def __init__(self) -> None:
        self.grids: dict[str, Grid] = {}
        self.behaviour = Behaviour()

    def run(self, arguments: list[str], standard_input: bytes) -> Answer:
        """What the command prints, and its exit code."""
        try:
            match arguments:
                case ["apply", grid_id]:
                    return self._apply(_checked(grid_id), standard_input)
                case ["status" | "stop" | "remove" as command, grid_id]:
                    return getattr(self, f"_{command}")(_checked(grid_id)), 0
                case ["lend"]:
                    return self._lend(standard_input), 0
                case ["list"]:
                    return self._list(), 0
                case _:
                    return {}, 2
        except Refused as refused:
            return {"state": "refused", "problems": refused.problems}, 2

    def _apply(self, grid_id: str, standard_input: bytes) -> Answer:
        told = _read(standard_input)
        if told.get("grid_id") != grid_id:
            raise Refused("grid_id: not the one of the command")
        if self.behaviour.disk_full and grid_id not in self.grids:
            return {"state": "failed", "code": "disk-full", "where": "/var/lib/s4/grids"}, 1
        before = self.grids.get(grid_id)
        credentials = told["storage"].pop("credentials", None)
        changed = before is None or before.told != told or before.state != "running"
        self.grids[grid_id] = grid = Grid(told)
        self._give(grid, credentials)
        return {**self._status(grid_id), "changed": changed, "start_seconds": 0.0}, 0

    def _status(self, grid_id: str) -> dict[str, Any]:
        return {**self._seen(grid_id), "version": self.behaviour.version}

    def _stop(self, grid_id: str) -> dict[str, Any]:
        grid = self.grids.get(grid_id)
        changed = grid is not None and grid.state != "stopped"
        if grid is not None:
            grid.state = "stopped"
        return {**self._status(grid_id), "changed": changed}

    def _remove(self, grid_id: str) -> dict[str, Any]:
        changed = self.grids.pop(grid_id, None) is not None
        return {**self._status(grid_id), "changed": changed}

    def _lend(self, standard_input: bytes) -> dict[str, Any]:
        lent = _read(standard_input).get("grids")
        if not isinstance(lent, dict):
            raise Refused("not a JSON object with an object of grids")
        known = {grid_id: grid for grid_id in sorted(lent) if (grid := self.grids.get(grid_id)) and grid.lent}
        for grid_id, grid in known.items():
            self._give(grid, lent[grid_id])
        return {"lent": list(known), "absent": sorted(set(lent) - set(known))}

    def _list(self) -> dict[str, Any]:
        used = SYSTEM_MIB + GRID_MIB * len(self.grids)
        return {
            "version": self.behaviour.version,
            "clock": int(time.time() + self.behaviour.clock_skew_seconds),
            "memory_mib": {"total": MEMORY_MIB, "available": max(0, MEMORY_MIB - used)},
            "disk_free_mib": 0 if self.behaviour.disk_full else DISK_MIB,
            "grids": {grid_id: self._seen(grid_id) for grid_id in self.grids},
        }

    def _seen(self, grid_id: str) -> dict[str, Any]:
        grid = self.grids.get(grid_id)
        listens = grid is not None and grid.state == "running" and not self.behaviour.silent_grids
        code = self.behaviour.bucket_code
        return {
            "state": grid.state if grid else "absent",
            "listening": {"introducer": listens, "storage": listens},
            "shard": grid.told.get("shard") if grid else None,
            "bucket": {"ok": not code, "code": code or None} if grid and grid.told["storage"].get("s3") else None,
            "usage": {"bytes": 0, "objects": 0} if grid else None,
            "credentials_until": grid.credentials_until if grid else None,
        }

    @staticmethod
    def _give(grid: Grid, credentials: dict[str, Any] | None) -> None:
        grid.lent = credentials
        grid.credentials_until = str(credentials["expires_at"]) if credentials else None


def _checked(grid_id: str) -> str:
    if not GRID_ID.fullmatch(grid_id):
        raise Refused("grid_id: not a UUID in lower case")
    return grid_id


def _read(standard_input: bytes) -> dict[str, Any]:
    try:
        told = json.loads(standard_input)
    except ValueError:
        raise Refused("not JSON") from None
    if not isinstance(told, dict):
        raise Refused("not a JSON object")
    return told
