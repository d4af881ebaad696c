"""A host, as its converger and the grids on it see it between two transactions."""

from datetime import datetime
from ipaddress import IPv4Address

import msgspec

from s4_contracts.ids import HostId
from s4_provisioner.fleet.lifecycle import HostStage, HostWanted
from s4_provisioner.sealing import Sealed
from s4_store import Record


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """One machine, or the plan for one (no ``instance_id`` yet).

    ``request``: what it is asked for with, as JSON in its driver's own words, stored before it is asked for: repeated,
    the request must be the same.
    """

    id: HostId
    driver: str
    pool: str
    region: str
    zone: str | None
    release: str | None
    wanted: HostWanted
    reason: str | None
    stage: HostStage
    stage_since: datetime
    attempts: int
    request: str | None
    sealed_host_key: Sealed | None
    host_key: str | None
    instance_id: str | None
    address: IPv4Address | None
    ready_at: datetime | None
    failed_code: str | None
    created_at: datetime

    @property
    def is_lost(self) -> bool:
        """Whether nothing can be expected of it any more."""
        return self.wanted is HostWanted.ABSENT or self.stage in {HostStage.GONE, HostStage.FAILED}


_READ = {"wanted", "stage", "sealed_host_key", "address"}


def host_of_row(row: Record, prefix: str = "") -> Host:
    """The host of a row whose columns begin with ``prefix``."""
    sealed, address = row[f"{prefix}sealed_host_key"], row[f"{prefix}address"]
    return Host(
        **{name: row[prefix + name] for name in Host.__struct_fields__ if name not in _READ},
        wanted=HostWanted(row[f"{prefix}wanted"]),
        stage=HostStage(row[f"{prefix}stage"]),
        sealed_host_key=Sealed(sealed) if sealed is not None else None,
        address=IPv4Address(address) if address else None,
    )
