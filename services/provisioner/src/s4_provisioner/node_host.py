"""The command ``s4-host`` on a host: what the provisioner may ask of it."""

import asyncio
from datetime import timedelta

import msgspec

from s4_contracts.ids import GridId
from s4_provisioner.ssh import CommandFailed, Ssh, SshTarget

_POLL_SECONDS = 0.25
_LOGIN_LIMIT = timedelta(seconds=15)
_APPLY_LIMIT = timedelta(seconds=60)
_STATUS_LIMIT = timedelta(seconds=15)
_STOP_LIMIT = timedelta(seconds=60)  # a node may take some time to end what it is at


class _Status(msgspec.Struct):
    state: str
    listening: dict[str, bool] = {}


class NodeHost:
    """Grids on hosts."""

    def __init__(self, ssh: Ssh) -> None:
        self._ssh = ssh

    async def log_in(self, target: SshTarget) -> None:
        """The host let us in, and is who it should be. Raises the errors of ssh."""
        await self._ssh.run(target, "true", _LOGIN_LIMIT)

    async def apply(self, target: SshTarget, grid: GridId, payload: bytes) -> None:
        """The grid's nodes are on the host as the payload says, and are started. Idempotent."""
        await self._ssh.run(target, f"s4-host apply {grid}", _APPLY_LIMIT, payload)

    async def is_listening(self, target: SshTarget, grid: GridId) -> bool:
        """Whether both nodes of the grid take connections."""
        status = _read(await self._ssh.run(target, f"s4-host status {grid}", _STATUS_LIMIT))
        return bool(status.listening) and all(status.listening.values())

    async def stop(self, target: SshTarget, grid: GridId) -> None:
        """No node of the grid runs on the host, nor will after its next boot; what is stored stays. Idempotent."""
        status = _read(await self._ssh.run(target, f"s4-host stop {grid}", _STOP_LIMIT))
        if status.state not in {"stopped", "absent"}:
            raise CommandFailed("node-still-runs")

    async def wait_until_listening(self, target: SshTarget, grid: GridId, patience: timedelta) -> bool:
        """True as soon as both nodes take connections; False when they did not within ``patience``."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience.total_seconds()
        while not await self.is_listening(target, grid):
            if loop.time() > deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True


def _read(printed: bytes) -> _Status:
    try:
        return msgspec.json.decode(printed, type=_Status)
    except msgspec.DecodeError:
        raise CommandFailed("host-command-unreadable", command="s4-host") from None
