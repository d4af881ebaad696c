"""What a kind of host must be able to do. tests/service/provisioner/drivers runs one conformance class against each.

Every method is idempotent, may be ended on any line, and raises Temporary or Permanent only.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from typing import Literal, Protocol

import msgspec

from s4_aws.sessions import Session
from s4_contracts.ids import GridId, HostId
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.fleet.pools import Pool
from s4_runtime import Permanent, Secret, Temporary


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a host will be asked for with: ``request`` is JSON without secrets, in the driver's own words.

    ``private_key`` and ``public_key``: by which the host will prove itself, for drivers that log in to it.
    """

    request: str
    private_key: Secret | None = None
    public_key: str | None = None


class PlanOutdated(Temporary):
    """Something that the plan names is gone, and nothing was launched: plan again."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform says of a host now.

    ``ending``: it was told to end and serves nobody any more, or soon not. ``impaired``: the platform's own checks
    fail. ``retires_at``: the platform has said that it will take the machine away.
    """

    id: str
    state: Literal["alive", "ending", "gone"]
    address: IPv4Address | None = None
    zone: str | None = None
    impaired: bool = False
    retires_at: datetime | None = None


def lent(session: Session) -> dict[str, str]:
    """The session as ``s4-host`` is told of it. Secret."""
    return {
        "access_key_id": session.access_key_id,
        "secret_access_key": session.secret_access_key.reveal(),
        "session_token": session.session_token.reveal(),
        "expires_at": session.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


class GridReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a grid is on its host. ``bucket_code``: why the node cannot use its bucket; None when it can."""

    state: str
    is_listening: bool
    bucket_code: str | None = None
    stored_bytes: int | None = None
    stored_objects: int | None = None
    credentials_until: datetime | None = None


class HostReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a host says of itself. ``version`` of the node distribution, ``clock`` in Unix seconds."""

    version: str
    clock: float
    memory_available_mib: int | None
    disk_free_mib: int | None
    grids: dict[GridId, GridReport]


class HostSilent(Temporary):
    """The host does not answer, or not in time."""


class HostFull(Temporary):
    """The host's disk has no room for what the grid needs there. Its other grids go on."""


class StrangeHost(Permanent):
    """Who answers in the host's place does not have the key that we gave it. Nothing was sent to it."""


class Leftover(msgspec.Struct, frozen=True, kw_only=True):
    """Something of this deployment that the driver found on its platform."""

    kind: str
    id: str
    host_id: HostId | None
    grid_id: GridId | None
    created_at: datetime | None


class Driver(Protocol):
    """Hosts of one kind in one region."""

    async def plan(self, host: Host, pool: Pool) -> Plan:
        """All that the host will be asked for with; from now on fixed for it. Raises Permanent for what cannot be."""
        ...

    async def launch(self, host: Host, private_key: Secret | None) -> str:
        """The host was asked for, now or by an earlier attempt; the platform's id of it.

        Raises NoCapacity, QuotaReached, PlanOutdated and others.
        """
        ...

    async def look(self, hosts: Sequence[Host], *, checks: bool = False) -> Mapping[HostId, Machine]:
        """What the platform says of these hosts, in few calls; one that it does not know is missing.

        Only with ``checks`` its own checks are asked for, too: ``impaired`` and ``retires_at``.
        """
        ...

    async def terminate(self, host: Host) -> bool:
        """The host is told to end; True when the platform has shown that nothing is left of it."""
        ...

    async def greets(self, host: Host) -> bool:
        """Whether anybody answers at the host now; cheap."""
        ...

    async def report(self, host: Host) -> HostReport:
        """What the host says of itself and its grids. Raises HostSilent, StrangeHost."""
        ...

    async def apply(self, host: Host, grid: GridId, payload: bytes, patience: timedelta) -> IPv4Address | None:
        """The grid is on the host as the payload says (the node's README, "s4-host").

        Where clients reach it, once it takes connections; None when it did not within ``patience``. Raises HostFull.
        """
        ...

    async def stop(self, host: Host, grid: GridId) -> None:
        """No node of the grid runs on the host."""
        ...

    async def remove(self, host: Host, grid: GridId) -> None:
        """Nothing of the grid is on the host. Its bucket is not touched."""
        ...

    async def lend(self, host: Host, sessions: Mapping[GridId, Session]) -> set[GridId]:
        """The grids' nodes use these sessions from now on, without a restart; those that are not on the host."""
        ...

    async def leftovers(self) -> Sequence[Leftover]:
        """Everything of this deployment on the platform that costs or answers."""
        ...
