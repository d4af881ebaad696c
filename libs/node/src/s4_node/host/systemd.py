"""Grids as instances of one systemd unit."""

import subprocess
from contextlib import suppress

from s4_node.host import unit
from s4_node.host.configuration import HostConfiguration
from s4_node.host.files import write
from s4_node.host.supervisors import Life, Seen

SYSTEMCTL_SECONDS = 60
LIVES: dict[str, Life] = {"active": "up", "activating": "coming", "reloading": "coming", "failed": "failed"}


class Systemd:
    """The supervisor of a machine of its own."""

    def __init__(self, configuration: HostConfiguration) -> None:
        self._unit = configuration.units / unit.NAME
        self._text = unit.text(
            configuration.root, configuration.user or "", configuration.node_command, configuration.environment
        )

    def setup(self) -> str:
        """The unit file is the present one, and systemd has read it."""
        if not self._unit.exists() or self._unit.read_text() != self._text:
            write(self._unit, self._text)
            self._unit.chmod(0o644)
            _systemctl("daemon-reload")
        return self._text

    def see(self, grid_id: str) -> Seen:
        """What systemd says of the grid's unit; it is up once both nodes listen and the storage server is announced."""
        shown = _systemctl("show", "--property=ActiveState,MainPID", unit.instance(grid_id))
        properties = dict(line.split("=", 1) for line in shown.splitlines())
        return Seen(LIVES.get(properties["ActiveState"], "down"), int(properties["MainPID"]))

    def restart(self, grid_id: str) -> None:
        """The unit is enabled, and its old process is gone; the new one is being started."""
        name = unit.instance(grid_id)
        _systemctl("stop", name)
        _forget_failure(name)
        _systemctl("enable", "--quiet", name)
        _systemctl("start", "--no-block", name)

    def stop(self, grid_id: str) -> None:
        """The unit is disabled, and is down."""
        if self._unit.exists():
            _systemctl("disable", "--quiet", "--now", unit.instance(grid_id))
            _forget_failure(unit.instance(grid_id))


def _forget_failure(name: str) -> None:
    with suppress(subprocess.CalledProcessError):  # there was none
        _systemctl("reset-failed", name)


def _systemctl(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603  no shell, and grid ids are UUIDs
        ["/usr/bin/systemctl", *arguments], check=True, capture_output=True, text=True, timeout=SYSTEMCTL_SECONDS
    )
    return done.stdout
