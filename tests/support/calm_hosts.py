"""Hosts on which all is well, however many: a driver that answers at once as EC2 and machines do, and counts."""

# ruff: noqa: ARG002  the contract has arguments that calm needs not

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from math import ceil
from typing import cast

from s4_aws.sessions import Session
from s4_contracts.ids import GridId, HostId
from s4_provisioner.drivers.contract import Driver, GridReport, HostReport, Machine
from s4_provisioner.fleet.hosts import Host
from s4_runtime import Clock
from s4_store import Pool

_IDS = 1000  # of one DescribeInstances, and statuses of one page of DescribeInstanceStatus (EC2 API)


class CalmHosts:
    """The part of s4_provisioner.drivers.contract.Driver that a fleet at rest needs."""

    def __init__(self, clock: Clock, grids: Mapping[HostId, Sequence[GridId]]) -> None:
        self._clock, self._grids = clock, grids
        self.calls: Counter[str] = Counter()

    def driver(self) -> Driver:
        """The same, as the tools have it."""
        return cast("Driver", self)

    async def look(self, hosts: Sequence[Host], *, checks: bool = False) -> Mapping[HostId, Machine]:
        """All are alive."""
        self.calls["ec2:DescribeInstances"] += ceil(len(hosts) / _IDS)
        if checks:  # by id up to 100 at a time, else all pages of the region
            pages = ceil(len(hosts) / 100) if len(hosts) <= 100 else ceil(len(self._grids) / _IDS)
            self.calls["ec2:DescribeInstanceStatus"] += pages
        return {
            host.id: Machine(id=host.instance_id or "", state="alive", address=host.address, zone=host.zone)
            for host in hosts
        }

    async def greets(self, host: Host) -> bool:
        """Always."""
        self.calls["greeting of a host"] += 1
        return True

    async def report(self, host: Host) -> HostReport:
        """Every grid runs."""
        self.calls["SSH login"] += 1
        told = GridReport(state="running", is_listening=True, stored_bytes=10**9, stored_objects=1000)
        return HostReport(
            version="s4-node 1",
            clock=self._clock.now().timestamp(),
            memory_available_mib=1000,
            disk_free_mib=10_000,
            grids=dict.fromkeys(self._grids[host.id], told),
        )

    async def lend(self, host: Host, sessions: Mapping[GridId, Session]) -> set[GridId]:
        """All grids are there."""
        self.calls["SSH login"] += 1
        return set()


async def calm_hosts(pool: Pool, clock: Clock) -> CalmHosts:
    """The hosts of the database's rows."""
    found: dict[HostId, list[GridId]] = defaultdict(list)
    for row in await pool.fetch("select id, host_id from grids where host_id is not null"):
        found[HostId(row["host_id"])].append(GridId(row["id"]))
    return CalmHosts(clock, found)
