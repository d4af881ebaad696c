"""Grids and shards as plain detached processes, for machines without systemd."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from s4_node.host import processes
from s4_node.host.configuration import VARIABLE, HostConfiguration
from s4_node.host.owner import owner_of
from s4_node.host.supervisors import Seen, Service

LOOK_AGAIN_SECONDS = 0.02
ORDERLY_SECONDS = 15.0  # as systemd's, see unit.py: a node may wait ten for its bucket
WORDS = {"run": ["run", "--control"], "shard": ["shard"]}


class PlainProcesses:
    """Starts `s4-node` detached, and knows it again by pid and start time. There are no limits here."""

    def __init__(self, configuration: HostConfiguration) -> None:
        self._configuration = configuration

    def setup(self) -> str:
        """Nothing but the environment is shared."""
        return json.dumps(dict(self._configuration.environment), sort_keys=True)

    def see(self, services: Iterable[Service]) -> dict[str, Seen]:
        """Up as long as it lives: what it listens on is looked at by others."""
        return {service.name: self._see(service) for service in services}

    def restart(self, service: Service) -> None:
        """The old process is gone and a new one started, as whoever is to run it.

        Its errors are appended to NAME.log in the notes.
        """
        self.stop(service)
        owner = owner_of(self._configuration.user, None if service.kind == "run" else service.name)
        drop = {"user": owner.uid, "group": owner.gid, "extra_groups": []} if os.geteuid() == 0 else {}
        log = os.open(self._note(service, "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            started = subprocess.Popen(  # noqa: S603  no shell, and names are UUIDs or checked
                self._command(service), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                start_new_session=True, env=self._environment(), **drop,  # type: ignore[call-overload]  # one of two shapes
            )  # fmt: skip
        finally:
            os.close(log)
        self._pid_file(service).write_text(f"{started.pid} {processes.started_at(started.pid)}\n")
        started.returncode = 0  # it is to outlive us: nobody waits for it

    def stop(self, service: Service) -> None:
        """It was asked to end, and after some seconds made to."""
        asked, deadline = 0, time.monotonic() + ORDERLY_SECONDS
        while pid := self._pid(service):
            with suppress(ProcessLookupError):
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                elif pid != asked:
                    os.kill(pid, signal.SIGTERM)
            asked = pid
            time.sleep(LOOK_AGAIN_SECONDS)
        self._pid_file(service).unlink(missing_ok=True)

    def _see(self, service: Service) -> Seen:
        if pid := self._pid(service):
            return Seen("up", pid)
        return Seen("failed" if self._pid_file(service).exists() else "down", 0)

    def _pid(self, service: Service) -> int | None:
        with suppress(FileNotFoundError, ValueError):
            pid, _, started = self._pid_file(service).read_text().partition(" ")
            if (alive := processes.started_at(int(pid))) and started.strip() == str(alive):
                return int(pid)
        # a command that was killed between starting it and writing that down
        return processes.with_arguments(self._command(service))

    def _environment(self) -> dict[str, str]:
        """What the host's configuration says, and that file's name, by which a process of this host is known."""
        ours = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        return {**ours, **self._configuration.environment, VARIABLE: self._configuration.named_by}

    def _command(self, service: Service) -> list[str]:
        return [str(self._configuration.node_command), *WORDS[service.kind], str(service.home)]

    def _pid_file(self, service: Service) -> Path:
        return self._note(service, "pid")

    def _note(self, service: Service, kind: str) -> Path:
        return self._configuration.notes / f"{service.name}.{kind}"
