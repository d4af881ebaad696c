"""Grids and shards as instances of two systemd units."""

import subprocess
from collections.abc import Iterable
from contextlib import suppress

from s4_node.host import unit
from s4_node.host.configuration import HostConfiguration
from s4_node.host.files import write
from s4_node.host.supervisors import Life, Seen, Service

SYSTEMCTL_SECONDS = 60
LIVES: dict[str, Life] = {"active": "up", "activating": "coming", "reloading": "coming", "failed": "failed"}


class Systemd:
    """The supervisor of a machine of its own."""

    def __init__(self, configuration: HostConfiguration) -> None:
        self._units = configuration.units
        self._texts = {unit.GRID: unit.of_grids(configuration), unit.SHARD: unit.of_shards(configuration)}

    def setup(self) -> str:
        """The unit files are the present ones, and systemd has read them. A shard goes on with what it has."""
        stale = [name for name, text in self._texts.items() if self._written(name) != text]
        for name in stale:
            write(self._units / name, self._texts[name])
            (self._units / name).chmod(0o644)
        if stale:
            _systemctl("daemon-reload")
        return self._texts[unit.GRID]

    def see(self, services: Iterable[Service]) -> dict[str, Seen]:
        """What systemd says of the units; one is up once its grids were tried."""
        names = {unit.instance(service): service.name for service in services}
        if not names:
            return {}
        shown = _systemctl("show", "--property=Id,ActiveState,MainPID,Job", *names)
        units = [dict(line.split("=", 1) for line in part.splitlines()) for part in shown.strip().split("\n\n")]
        return {names[one["Id"]]: Seen(_life(one), int(one["MainPID"])) for one in units}

    def restart(self, service: Service) -> None:
        """The unit is enabled, and its old process is gone; the new one is being started."""
        name = unit.instance(service)
        _systemctl("stop", name)
        _forget_failure(name)
        _systemctl("enable", "--quiet", name)
        _systemctl("start", "--no-block", name)

    def stop(self, service: Service) -> None:
        """The unit is disabled, and is down."""
        if self._written(unit.file_of(service)) is not None:
            _systemctl("disable", "--quiet", "--now", unit.instance(service))
            _forget_failure(unit.instance(service))

    def _written(self, name: str) -> str | None:
        with suppress(FileNotFoundError):
            return (self._units / name).read_text()
        return None


def _life(shown: dict[str, str]) -> Life:
    life = LIVES.get(shown["ActiveState"], "down")
    # systemd has not begun yet with what it was told
    return "coming" if life in {"down", "failed"} and shown.get("Job") else life


def _forget_failure(name: str) -> None:
    with suppress(subprocess.CalledProcessError):  # there was none
        _systemctl("reset-failed", name)


def _systemctl(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603  no shell, and names are UUIDs or checked
        ["/usr/bin/systemctl", *arguments], check=True, capture_output=True, text=True, timeout=SYSTEMCTL_SECONDS
    )
    return done.stdout
