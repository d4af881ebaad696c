"""The grids of this host: applied, looked at, stopped and removed."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s4_node.host.configuration import HostConfiguration
from s4_node.host.files import delete, lay_out, only_one, raise_sequence, write
from s4_node.host.owner import Owner
from s4_node.host.processes import listening_ports
from s4_node.host.rendering import grid_files
from s4_node.host.specification import Specification
from s4_node.host.supervisors import Life, Supervisor

LOOK_AGAIN_SECONDS = 0.05
STATES: dict[Life, str] = {"up": "running", "coming": "starting", "down": "stopped", "failed": "failed"}


@dataclass(frozen=True)
class Grids:
    """What the four commands do; each may be killed on any line and repeated."""

    configuration: HostConfiguration
    supervisor: Supervisor
    owner: Owner

    def apply(self, wanted: Specification) -> dict[str, Any]:
        """The grid is laid out as wanted and runs, or starts to; what was stored in it before is still there.

        All that it is comes with the specification: where its directory was lost, in whole or in part, it is the same
        grid again, and with its shares in a bucket nothing is missing.
        """
        began = time.monotonic()
        with only_one(self.configuration.notes, wanted.grid_id):
            shared = self.supervisor.setup()
            files = grid_files(wanted, self.configuration)
            home = self.configuration.root / wanted.grid_id
            changed = lay_out(home, files, self.owner)
            raise_sequence(home, wanted.sequence, self.owner)
            applied, fingerprint = self._note(wanted.grid_id, "applied"), _fingerprint(files, shared)
            # not noted: a command was killed after it wrote files and before the process had seen them
            changed = changed or not applied.exists() or applied.read_text() != fingerprint
            if changed or self.supervisor.see(wanted.grid_id).life in {"down", "failed"}:
                raise_sequence(home, int(time.time()), self.owner)
                self.supervisor.restart(wanted.grid_id)
                write(applied, fingerprint)
        seen = self._await(wanted, began + wanted.wait_seconds)
        return {**seen, "changed": changed, "start_seconds": round(time.monotonic() - began, 3)}

    def status(self, grid_id: str) -> dict[str, Any]:
        """How the grid is; its process has to be alive and to listen itself on both ports for `running`."""
        home = self.configuration.root / grid_id
        if not home.exists():
            return {"state": "absent", "listening": {"introducer": False, "storage": False}}
        seen = self.supervisor.see(grid_id)
        open_ports = listening_ports(seen.pid) if seen.pid else set()
        with self.owner.acting():
            ports = {node: _port(home / node / "tahoe.cfg") for node in ("introducer", "storage")}
        listening = {node: port in open_ports for node, port in ports.items()}
        state = "starting" if seen.life == "up" and not all(listening.values()) else STATES[seen.life]
        return {"state": state, "listening": listening}

    def stop(self, grid_id: str) -> dict[str, Any]:
        """The grid is not served; what was stored in it stays."""
        with only_one(self.configuration.notes, grid_id):
            was_down = self.supervisor.see(grid_id).life == "down"
            self.supervisor.stop(grid_id)
        return {**self.status(grid_id), "changed": not was_down}

    def remove(self, grid_id: str) -> dict[str, Any]:
        """The grid is gone from this host, with all that was stored on the host. A bucket of it is not touched."""
        with only_one(self.configuration.notes, grid_id):
            self.supervisor.stop(grid_id)
            changed = delete(self.configuration.root / grid_id)
            for kind in ("applied", "log"):
                self._note(grid_id, kind).unlink(missing_ok=True)
        return {**self.status(grid_id), "changed": changed}

    def _await(self, wanted: Specification, deadline: float) -> dict[str, Any]:
        while True:
            seen = self.status(wanted.grid_id)
            if seen["state"] in {"running", "failed"} or time.monotonic() > deadline:
                return seen
            time.sleep(LOOK_AGAIN_SECONDS)

    def _note(self, grid_id: str, kind: str) -> Path:
        return self.configuration.notes / f"{grid_id}.{kind}"


def _fingerprint(files: Mapping[str, str], shared: str) -> str:
    return hashlib.sha256(json.dumps([sorted(files.items()), shared]).encode()).hexdigest()


def _port(config: Path) -> int:
    """The port of a tahoe.cfg as rendering.py writes it; 0 when somebody has broken it."""
    for line in config.read_text(encoding="utf-8").splitlines():
        if line.startswith("tub.port = tcp:"):
            return int(line.split(":")[1])
    return 0
