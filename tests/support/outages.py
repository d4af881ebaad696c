"""Machines that are lost and grids that are back, as the provisioner tells it."""

from datetime import datetime
from typing import Any, Protocol

from s4_contracts.ids import AccountId, GridId, HostId, SignupId
from s4_contracts.provisioner import InstanceLost, InstanceRecovered
from s4_runtime import new_id


class Owner(Protocol):
    """Whoever has a grid."""

    account_id: AccountId
    signup_id: SignupId
    grid_id: GridId


def lost(owner: Owner, at: datetime) -> InstanceLost:
    """The machine of the owner's grid was lost then."""
    return InstanceLost(**_of(owner), occurred_at=at, code="gone")


def recovered(owner: Owner, at: datetime, seconds: float = 240.0) -> InstanceRecovered:
    """The owner's grid was proved then, so many seconds after a loss."""
    return InstanceRecovered(**_of(owner), occurred_at=at, proved_at=at, seconds=seconds)


def _of(owner: Owner) -> dict[str, Any]:
    ids = {"account_id": owner.account_id, "signup_id": owner.signup_id, "grid_id": owner.grid_id}
    return {**ids, "host_id": HostId(new_id())}
