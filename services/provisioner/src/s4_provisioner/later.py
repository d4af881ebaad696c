"""What becomes of a grid after its payment, as billing tells it: recorded in milliseconds, like the first wish."""

from datetime import timedelta
from typing import Any

from s4_bus import Route, on
from s4_contracts.billing import (
    DisputeClosed,
    DisputeOpened,
    OfSubscription,
    PlanChanged,
    ServiceResumed,
    ServiceSuspended,
    SubscriptionEnded,
)
from s4_provisioner import asked, chosen, moves, names, store
from s4_provisioner.fleet.pools import Fleet
from s4_provisioner.grids import Grid
from s4_runtime import Clock, Temporary
from s4_store import Transaction


class NotPaidYet(Temporary):
    """The event is about a signup of which no payment was told so far: events may overtake each other."""


class LaterWishes:
    """Handlers of the events that follow a payment."""

    def __init__(self, clock: Clock, fleet: Fleet, kept_at_least: timedelta) -> None:
        self._clock, self._fleet, self._kept_at_least = clock, fleet, kept_at_least

    def routes(self) -> list[Route[Any]]:
        """Who handles what."""
        return [
            on(ServiceSuspended, self.want_suspended),
            on(ServiceResumed, self.want_served_again),
            on(SubscriptionEnded, self.want_kept_and_removed),
            on(PlanChanged, self.want_plan),
            on(DisputeOpened, self.freeze),
            on(DisputeClosed, self.freeze),
        ]

    async def want_suspended(self, event: ServiceSuspended, tx: Transaction) -> None:
        """The grid is not served, and everything in it stays."""
        grid, now = await _paid_grid(tx, event), self._clock.now()
        if grid and await asked.stop(tx, grid.id, event.revision, now):
            await moves.heed(tx, grid.id, now, retry=True)

    async def want_served_again(self, event: ServiceResumed, tx: Transaction) -> None:
        """The grid is served, and proved, with the furl that it had."""
        grid, now = await _paid_grid(tx, event), self._clock.now()
        if grid is None:
            return
        await chosen.note_return(tx, grid.id, event.occurred_at)
        is_other_day = await chosen.settle(tx, grid.id, now)
        if await asked.serve(tx, grid.id, event.revision):
            await moves.heed(tx, grid.id, now, retry=True, anew=True)
        elif is_other_day:
            await moves.heed(tx, grid.id, now)

    async def want_kept_and_removed(self, event: SubscriptionEnded, tx: Transaction) -> None:
        """The grid is not served, is kept until ``delete_after`` or its owner's choice, and is removed then."""
        grid, now = await _paid_grid(tx, event), self._clock.now()
        if grid and await asked.end(tx, grid, event, now + self._kept_at_least, now):
            await chosen.settle(tx, grid.id, now)
            await moves.heed(tx, grid.id, now, retry=True)

    async def want_plan(self, event: PlanChanged, tx: Transaction) -> None:
        """The grid holds what its plan holds, and moves to where the plan's grids are if it is elsewhere."""
        grid, now, pool = await _paid_grid(tx, event), self._clock.now(), self._fleet.pool_of(event.plan)
        if grid and await asked.change_plan(tx, grid.id, event, pool):
            await moves.heed(tx, grid.id, now, anew=True)
            if pool != grid.pool:
                await moves.relocate(tx, grid.id, now)

    async def freeze(self, event: DisputeOpened | DisputeClosed, tx: Transaction) -> None:
        """Nothing of the grid is removed, until the payment is not contested any more."""
        grid, now = await _paid_grid(tx, event), self._clock.now()
        if grid and await asked.freeze(tx, grid.id, event.revision, frozen=isinstance(event, DisputeOpened)):
            await moves.heed(tx, grid.id, now)


async def _paid_grid(tx: Transaction, event: OfSubscription) -> Grid | None:
    """The grid that this subscription pays for; None when it pays for none. Raises NotPaidYet.

    A duplicate was never told as a payment, and has no grid of its own, though perhaps the signup of another's.
    """
    grid = await store.grid(tx, names.grid_of_signup(event.signup_id))
    if grid is None:
        if isinstance(event, SubscriptionEnded) and event.reason == "duplicate":
            return None
        raise NotPaidYet("signup-not-paid-yet")
    return grid if grid.subscription_id == event.subscription_id else None
