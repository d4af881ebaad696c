"""A grid whose machine was lost, until a client has read through it again. Late, twice or out of order is harmless."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from s4_contracts.provisioner import GridResumed, InstanceLost, InstanceRecovered
from s4_store import Transaction
from s4_web import store
from s4_web.progress import Row

_NEWS = timedelta(days=7)  # for so long it is told that the grid was away

_LOST = "UPDATE journeys SET lost_at = greatest(lost_at, $2) WHERE signup_id = $1"
_BACK = "UPDATE journeys SET back_at = greatest(back_at, $2) WHERE signup_id = $1"


class Outage(msgspec.Struct, frozen=True):
    """The last one: going on, or lately over."""

    state: Literal["away", "back"]
    lost_at: datetime
    back_at: datetime | None

    @property
    def seconds(self) -> float:
        """How long it took, once it is over."""
        return (self.back_at - self.lost_at).total_seconds() if self.back_at else 0.0


def outage(journey: Row, now: datetime) -> Outage | None:
    """What there is to tell. Of all losses the last counts, and only a proof after it."""
    lost_at, back_at = journey.get("lost_at"), journey.get("back_at")
    if lost_at is None or journey.get("ready_at") is None:
        return None
    if back_at is None or back_at < lost_at:
        return Outage("away", lost_at, None)
    return Outage("back", lost_at, back_at) if now - back_at < _NEWS else None


async def note_loss(event: InstanceLost, tx: Transaction) -> None:
    """The grid's machine is gone."""
    await store.say(tx, (event.signup_id, event.account_id, event.grid_id), "lost", event.occurred_at)
    await tx.execute(_LOST, event.signup_id, event.occurred_at)


async def note_recovery(event: InstanceRecovered, tx: Transaction) -> None:
    """The grid was proved from outside on another machine; that tells of the loss, too."""
    await store.say(tx, (event.signup_id, event.account_id, event.grid_id), "recovered", event.occurred_at)
    await tx.execute(_LOST, event.signup_id, event.proved_at - timedelta(seconds=event.seconds))
    await tx.execute(_BACK, event.signup_id, event.proved_at)


async def note_proof(event: GridResumed, tx: Transaction) -> None:
    """A grid that was started again is not away, however it went before."""
    await tx.execute(_BACK, event.signup_id, event.proved_at)
