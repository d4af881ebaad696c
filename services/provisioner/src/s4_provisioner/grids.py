"""A grid and its host, as the converger sees them between two transactions."""

from datetime import datetime
from ipaddress import IPv4Address
from typing import TypeVar

import msgspec

from s4_contracts.ids import AccountId, GridId, HostId, SignupId, SubscriptionId
from s4_provisioner import lifecycle
from s4_provisioner.fleet.hosts import Host, host_of_row
from s4_provisioner.lifecycle import Stage, Wanted
from s4_provisioner.sealing import Sealed
from s4_runtime import Permanent
from s4_store import Record


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
    held: bool
    paused: bool
    stopped_for: str | None
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
    pool: str
    region: str
    port: int
    shard: str | None
    address: IPv4Address | None
    announced_from: int
    release_wanted: str | None
    host_wanted: HostId | None
    lost_at: datetime | None
    lost_host: HostId | None
    paid_at: datetime | None
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
        return lifecycle.aim(self.wanted, frozen=self.frozen, held=self.held, paused=self.paused)

    @property
    def stops_for(self) -> lifecycle.StoppedFor:
        """Who keeps it from being served, when it is not."""
        return lifecycle.stopped_for(self.wanted, held=self.held, paused=self.paused)

    def is_over(self, now: datetime) -> bool:
        """Whether the time has passed for which everything was to be kept, and nobody contests or holds that."""
        ended = self.wanted is Wanted.SUSPENDED and not self.frozen and not self.held
        return ended and self.delete_after is not None and self.delete_after <= now


class Incomplete(Permanent):
    """The grid lacks what an earlier stage should have left: a mistake of ours, for a person to look at."""


T = TypeVar("T")
# Columns that are read into something else; all others are as the struct has them.
_READ = {"host_wanted", "story", "wanted", "stage", "failed_stage", "sealed_identity", "host", "address"}


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
        host_wanted=row["chosen_host"],
        wanted=Wanted(row["wanted"]),
        stage=Stage(row["stage"]),
        failed_stage=Stage(row["failed_stage"]) if row["failed_stage"] else None,
        sealed_identity=_sealed(row["sealed_identity"]),
        address=IPv4Address(row["address"]) if row["address"] else None,
        host=host_of_row(row, "host_") if row["host_id"] else None,
    )


def _sealed(envelope: bytes | None) -> Sealed | None:
    return Sealed(envelope) if envelope is not None else None
