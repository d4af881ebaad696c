"""Grids as plain detached processes, for machines without systemd."""

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from s4_node.host import processes
from s4_node.host.configuration import VARIABLE, HostConfiguration
from s4_node.host.owner import Owner
from s4_node.host.supervisors import Seen

LOOK_AGAIN_SECONDS = 0.02
ORDERLY_SECONDS = 15.0  # as systemd's, see unit.py: a node may wait ten for its bucket


class PlainProcesses:
    """Starts `s4-node run` detached, and knows it again by pid and start time."""

    def __init__(self, configuration: HostConfiguration, owner: Owner) -> None:
        self._configuration = configuration
        self._owner = owner

    def setup(self) -> str:
        """Nothing but the environment is shared."""
        return json.dumps(dict(self._configuration.environment), sort_keys=True)

    def see(self, grid_id: str) -> Seen:
        """Up as long as it lives: what it listens on is looked at by others."""
        if pid := self._pid(grid_id):
            return Seen("up", pid)
        return Seen("failed" if self._pid_file(grid_id).exists() else "down", 0)

    def restart(self, grid_id: str) -> None:
        """The old process is gone and a new one started; its errors are appended to GRID_ID.log in the notes."""
        self.stop(grid_id)
        drop = {"user": self._owner.uid, "group": self._owner.gid, "extra_groups": []} if os.geteuid() == 0 else {}
        log = os.open(self._note(grid_id, "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            started = subprocess.Popen(  # noqa: S603  no shell, and grid ids are UUIDs
                self._command(grid_id), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                start_new_session=True, env=self._environment(), **drop,  # type: ignore[call-overload]  # one of two shapes
            )  # fmt: skip
        finally:
            os.close(log)
        self._pid_file(grid_id).write_text(f"{started.pid} {processes.started_at(started.pid)}\n")
        started.returncode = 0  # it is to outlive us: nobody waits for it

    def stop(self, grid_id: str) -> None:
        """It was asked to end, and after some seconds made to."""
        asked, deadline = 0, time.monotonic() + ORDERLY_SECONDS
        while pid := self._pid(grid_id):
            with suppress(ProcessLookupError):
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                elif pid != asked:
                    os.kill(pid, signal.SIGTERM)
            asked = pid
            time.sleep(LOOK_AGAIN_SECONDS)
        self._pid_file(grid_id).unlink(missing_ok=True)

    def _pid(self, grid_id: str) -> int | None:
        with suppress(FileNotFoundError, ValueError):
            pid, _, started = self._pid_file(grid_id).read_text().partition(" ")
            if (alive := processes.started_at(int(pid))) and started.strip() == str(alive):
                return int(pid)
        # a command that was killed between starting it and writing that down
        return processes.with_arguments(self._command(grid_id))

    def _environment(self) -> dict[str, str]:
        """What the host's configuration says, and that file's name, by which a process of this host is known."""
        ours = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        return {**ours, **self._configuration.environment, VARIABLE: self._configuration.named_by}

    def _command(self, grid_id: str) -> list[str]:
        return [str(self._configuration.node_command), "run", str(self._configuration.root / grid_id)]

    def _pid_file(self, grid_id: str) -> Path:
        return self._note(grid_id, "pid")

    def _note(self, grid_id: str, kind: str) -> Path:
        return self._configuration.notes / f"{grid_id}.{kind}"
