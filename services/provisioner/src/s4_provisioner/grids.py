"""A grid and its host, as the converger sees them between two transactions."""

from datetime import datetime
from ipaddress import IPv4Address
from typing import TypeVar

import msgspec

from s4_contracts.ids import AccountId, GridId, HostId, SignupId, SubscriptionId
from s4_provisioner import lifecycle
from s4_provisioner.lifecycle import Stage, Wanted
from s4_provisioner.sealing import Sealed
from s4_runtime import Permanent
from s4_store import Record


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine is asked for with. Stored before the request: repeated, it must be the same."""

    image: str
    root_device: str
    instance_type: str
    disk_gib: int
    security_group: str
    instance_profile: str
    user: str
    authorized_key: str


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """A machine, or the plan for one (no ``instance_id`` yet), or the place of a lost one (no ``launch`` either)."""

    id: HostId
    generation: int
    launch: Launch | None
    sealed_host_key: Sealed | None
    host_key: str | None
    announced_from: int
    instance_id: str | None
    address: IPv4Address | None


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """A grid that somebody paid for, with the host that it is on once there is one."""

    id: GridId
    account_id: AccountId
    signup_id: SignupId
    subscription_id: SubscriptionId
    story: dict[str, str]
    wanted: Wanted
    wishes: int
    suspended_at: datetime | None
    delete_after: datetime | None
    frozen: bool
    stage: Stage
    stage_since: datetime
    failed_stage: Stage | None
    sealed_identity: Sealed | None
    bucket: str | None
    quota_bytes: int | None
    dns_name: str | None
    dns_change: str | None
    relaunches: int
    furl_generation: int
    proved_at: datetime | None
    proof_seconds: float | None
    failures: int
    attempts: int
    objects: int
    counted_to: str | None
    host: Host | None

    @property
    def aim(self) -> Wanted:
        """What is worked towards now."""
        return lifecycle.aim(self.wanted, frozen=self.frozen)

    def is_over(self, now: datetime) -> bool:
        """Whether the time has passed for which everything was to be kept, and nobody contests that."""
        ended = self.wanted is Wanted.SUSPENDED and not self.frozen
        return ended and self.delete_after is not None and self.delete_after <= now


class Incomplete(Permanent):
    """The grid lacks what an earlier stage should have left: a mistake of ours, for a person to look at."""


T = TypeVar("T")
# Columns that are read into something else; all others are as the struct has them.
_READ = {"story", "wanted", "stage", "failed_stage", "sealed_identity", "host", "launch", "sealed_host_key", "address"}


def present(value: T | None) -> T:
    """The value, which an earlier stage has left. Raises Incomplete."""
    if value is None:
        raise Incomplete("grid-incomplete")
    return value


def host_of(grid: Grid) -> Host:
    """The host that the grid is on. Raises Incomplete."""
    return present(grid.host)


def grid_of(row: Record) -> Grid:
    """The grid of a row of ``grids`` joined with ``hosts``, whose columns begin with ``host_``."""
    return Grid(
        **{name: row[name] for name in Grid.__struct_fields__ if name not in _READ},
        story=msgspec.json.decode(row["story"], type=dict[str, str]),
        wanted=Wanted(row["wanted"]),
        stage=Stage(row["stage"]),
        failed_stage=Stage(row["failed_stage"]) if row["failed_stage"] else None,
        sealed_identity=_sealed(row["sealed_identity"]),
        host=_host_of(row) if row["host_id"] else None,
    )


def _host_of(row: Record) -> Host:
    return Host(
        **{name: row[f"host_{name}"] for name in Host.__struct_fields__ if name not in _READ},
        launch=msgspec.json.decode(row["host_launch"], type=Launch) if row["host_launch"] else None,
        sealed_host_key=_sealed(row["host_sealed_host_key"]),
        address=IPv4Address(row["host_address"]) if row["host_address"] else None,
    )


def _sealed(envelope: bytes | None) -> Sealed | None:
    return Sealed(envelope) if envelope is not None else None
