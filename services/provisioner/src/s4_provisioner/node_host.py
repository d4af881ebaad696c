"""The command ``s4-host`` on a host: what the provisioner may ask of it (the node's README, "s4-host")."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from s4_aws.sessions import Session
from s4_contracts.ids import GridId
from s4_provisioner.drivers.contract import GridReport, HostReport, lent
from s4_provisioner.ssh import CommandFailed, Ssh, SshTarget

_POLL_SECONDS = 0.25
_APPLY_LIMIT = timedelta(seconds=60)
_STATUS_LIMIT = timedelta(seconds=15)
_LIST_LIMIT = timedelta(seconds=30)
_STOP_LIMIT = timedelta(seconds=60)  # a node may take some time to end what it is at


class _Bucket(msgspec.Struct):
    ok: bool
    code: str | None = None


class _Usage(msgspec.Struct):
    bytes: int
    objects: int


class _Status(msgspec.Struct):
    state: str
    listening: dict[str, bool] = {}
    bucket: _Bucket | None = None
    usage: _Usage | None = None
    credentials_until: datetime | None = None

    @property
    def is_listening(self) -> bool:
        """Whether both nodes of the grid take connections."""
        return bool(self.listening) and all(self.listening.values())


class _Memory(msgspec.Struct):
    available: int | None = None


class _Listed(msgspec.Struct):
    version: str
    clock: float
    memory_mib: _Memory = msgspec.field(default_factory=_Memory)
    disk_free_mib: int | None = None
    grids: dict[GridId, _Status] = {}


class _Lent(msgspec.Struct):
    absent: list[GridId] = []


_T = TypeVar("_T", _Status, _Listed, _Lent)


class NodeHost:
    """Grids on hosts."""

    def __init__(self, ssh: Ssh) -> None:
        self._ssh = ssh

    async def apply(self, target: SshTarget, grid: GridId, payload: bytes) -> None:
        """The grid's nodes are on the host as the payload says, and are started. Idempotent."""
        await self._ssh.run(target, f"s4-host apply {grid}", _APPLY_LIMIT, payload)

    async def is_listening(self, target: SshTarget, grid: GridId) -> bool:
        """Whether both nodes of the grid take connections."""
        return _read(await self._ssh.run(target, f"s4-host status {grid}", _STATUS_LIMIT), _Status).is_listening

    async def wait_until_listening(self, target: SshTarget, grid: GridId, patience: timedelta) -> bool:
        """True as soon as both nodes take connections; False when they did not within ``patience``."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience.total_seconds()
        while not await self.is_listening(target, grid):
            if loop.time() > deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    async def stop(self, target: SshTarget, grid: GridId) -> None:
        """No node of the grid runs on the host, nor will after its next boot; what is stored stays. Idempotent."""
        status = _read(await self._ssh.run(target, f"s4-host stop {grid}", _STOP_LIMIT), _Status)
        if status.state not in {"stopped", "absent"}:
            raise CommandFailed("node-still-runs")

    async def remove(self, target: SshTarget, grid: GridId) -> None:
        """Nothing of the grid is on the host. Idempotent."""
        status = _read(await self._ssh.run(target, f"s4-host remove {grid}", _STOP_LIMIT), _Status)
        if status.state != "absent":
            raise CommandFailed("grid-still-there")

    async def lend(self, target: SshTarget, sessions: Mapping[GridId, Session]) -> set[GridId]:
        """The grids' nodes use these sessions from now on; those of them that are not on the host."""
        told = msgspec.json.encode({"grids": {grid: lent(session) for grid, session in sessions.items()}})
        return set(_read(await self._ssh.run(target, "s4-host lend", _APPLY_LIMIT, told), _Lent).absent)

    async def report(self, target: SshTarget) -> HostReport:
        """What the host says of itself and of its grids."""
        listed = _read(await self._ssh.run(target, "s4-host list", _LIST_LIMIT), _Listed)
        return HostReport(
            version=listed.version,
            clock=listed.clock,
            memory_available_mib=listed.memory_mib.available,
            disk_free_mib=listed.disk_free_mib,
            grids={grid: _reported(status) for grid, status in listed.grids.items()},
        )


def _reported(status: _Status) -> GridReport:
    bucket, usage = status.bucket, status.usage
    return GridReport(
        state=status.state,
        is_listening=status.is_listening,
        bucket_code=(bucket.code or "unknown") if bucket and not bucket.ok else None,
        stored_bytes=usage.bytes if usage else None,
        stored_objects=usage.objects if usage else None,
        credentials_until=status.credentials_until,
    )


def _read(printed: bytes, shape: type[_T]) -> _T:
    try:
        return msgspec.json.decode(printed, type=shape)
    except msgspec.DecodeError:
        raise CommandFailed("host-command-unreadable", command="s4-host") from None
