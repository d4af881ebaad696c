"""Hosts that are entries in a dictionary: a driver for tests of everything that happens around hosts."""

# ruff: noqa: ARG002  the contract has arguments that a dictionary needs not

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import msgspec

from s4_aws.sessions import Session
from s4_contracts.ids import GridId, HostId
from s4_provisioner.drivers.contract import GridReport, HostReport, HostSilent, Leftover, Machine, Plan, StrangeHost
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.fleet.pools import Pool
from s4_runtime import Clock, Secret


class MemoryMachine:
    """One machine: what runs on it, and how it is."""

    def __init__(self, host_id: HostId, number: int) -> None:
        self.host_id, self.address = host_id, IPv4Address("127.99.0.0") + number
        self.state = "alive"
        self.is_silent = False
        self.is_impaired = False
        self.is_strange = False
        self.is_unknown = False
        self.clock_is_off_by = 0.0
        self.disk_free_mib = 10_000
        self.retires_at: datetime | None = None
        self.grids: dict[GridId, str] = {}
        self.payloads: dict[GridId, bytes] = {}
        self.bucket_codes: dict[GridId, str] = {}
        self.lent: dict[GridId, Session] = {}
        self.holds: dict[GridId, tuple[int, int]] = {}  # bytes, objects


class MemoryHosts:
    """Implements s4_provisioner.drivers.contract.Driver."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.machines: dict[HostId, MemoryMachine] = {}
        self.endings: dict[str, list[Exception]] = {}  # of the next calls of a method
        self.asked: list[tuple[int, bool]] = []  # looks: at how many, and with checks
        self.lendings = 0

    def machine(self, host_id: HostId) -> MemoryMachine:
        return self.machines[host_id]

    def serving(self, grid: GridId) -> list[HostId]:
        """The hosts on which the grid's node runs and can be reached."""
        return [
            machine.host_id
            for machine in self.machines.values()
            if machine.state == "alive" and machine.grids.get(grid) == "running"
        ]

    def fail(self, method: str, *errors: Exception) -> None:
        self.endings.setdefault(method, []).extend(errors)

    def _ending(self, method: str) -> None:
        if left := self.endings.get(method):
            raise left.pop(0)

    def _reached(self, host: Host) -> MemoryMachine:
        machine = self.machines.get(host.id)
        if machine is None or machine.state != "alive" or machine.is_silent:
            raise HostSilent("host-unreachable")
        if machine.is_strange:
            raise StrangeHost("strange-host-key")
        return machine

    async def plan(self, host: Host, pool: Pool) -> Plan:
        self._ending("plan")
        return Plan(request="{}", private_key=Secret("private"), public_key="ssh-ed25519 AAAA")

    async def launch(self, host: Host, private_key: Secret | None) -> str:
        self._ending("launch")
        if host.id not in self.machines:
            self.machines[host.id] = MemoryMachine(host.id, len(self.machines) + 1)
        return f"m-{host.id}"

    async def look(self, hosts: Sequence[Host], *, checks: bool = False) -> Mapping[HostId, Machine]:
        self._ending("look")
        self.asked.append((len(hosts), checks))
        machines = {host.id: self.machines[host.id] for host in hosts if host.id in self.machines}
        found = {host_id: machine for host_id, machine in machines.items() if not machine.is_unknown}
        return {
            host_id: Machine(
                id=f"m-{host_id}",
                state=machine.state,  # type: ignore[arg-type]  # one of the three
                address=machine.address,
                zone="zone-a",
                impaired=checks and machine.is_impaired,
                retires_at=machine.retires_at if checks else None,
            )
            for host_id, machine in found.items()
        }

    async def terminate(self, host: Host) -> bool:
        self._ending("terminate")
        if machine := self.machines.get(host.id):
            machine.state = "gone"
            machine.grids.clear()
        return True

    async def greets(self, host: Host) -> bool:
        machine = self.machines.get(host.id)
        return machine is not None and machine.state == "alive" and not machine.is_silent

    async def report(self, host: Host) -> HostReport:
        self._ending("report")
        machine = self._reached(host)
        grids = {
            grid: GridReport(
                state=state,
                is_listening=state == "running",
                bucket_code=machine.bucket_codes.get(grid),
                stored_bytes=machine.holds[grid][0] if grid in machine.holds else None,
                stored_objects=machine.holds[grid][1] if grid in machine.holds else None,
            )
            for grid, state in machine.grids.items()
        }
        return HostReport(
            version="s4-node 0",
            clock=self._clock.now().timestamp() + machine.clock_is_off_by,
            memory_available_mib=1000,
            disk_free_mib=machine.disk_free_mib,
            grids=grids,
        )

    async def apply(self, host: Host, grid: GridId, payload: bytes, patience: timedelta) -> IPv4Address | None:
        self._ending("apply")
        machine = self._reached(host)
        machine.grids[grid], machine.payloads[grid] = "running", payload
        return machine.address

    async def stop(self, host: Host, grid: GridId) -> None:
        self._ending("stop")
        machine = self._reached(host)
        if grid in machine.grids:
            machine.grids[grid] = "stopped"

    async def remove(self, host: Host, grid: GridId) -> None:
        self._ending("remove")
        self._reached(host).grids.pop(grid, None)

    async def lend(self, host: Host, sessions: Mapping[GridId, Session]) -> set[GridId]:
        self._ending("lend")
        self.lendings += 1
        machine = self._reached(host)
        machine.lent |= {grid: session for grid, session in sessions.items() if grid in machine.grids}
        return {grid for grid in sessions if grid not in machine.grids}

    async def leftovers(self) -> Sequence[Leftover]:
        return [
            Leftover(kind="machine", id=f"m-{host_id}", host_id=host_id, grid_id=None, created_at=datetime.now(UTC))
            for host_id, machine in self.machines.items()
            if machine.state != "gone"
        ]


def a_session(until: datetime) -> Session:
    return Session(
        access_key_id="ASIA", secret_access_key=Secret("secret"), session_token=Secret("token"), expires_at=until
    )


def payload_of(machine: MemoryMachine, grid: GridId) -> dict[str, object]:
    """What the grid's node was told last."""
    found: dict[str, object] = msgspec.json.decode(machine.payloads[grid])
    return found
