"""What billing's events ask for: recorded in milliseconds, carried out by the converger."""

from typing import Any

from s4_bus import Route, on
from s4_contracts.billing import (
    DisputeClosed,
    DisputeOpened,
    OfSubscription,
    PlanChanged,
    ServiceResumed,
    ServiceSuspended,
    SignupPaid,
    SubscriptionEnded,
)
from s4_contracts.ids import GridId, SignupId
from s4_provisioner import asked, moves, store
from s4_provisioner.grids import Grid
from s4_runtime import Clock, Temporary, context, derived_id
from s4_store import Transaction


class NotPaidYet(Temporary):
    """The event is about a signup of which no payment was told so far: events may overtake each other."""


def grid_of_signup(signup_id: SignupId) -> GridId:
    """The one grid that a signup leads to, however often it is told."""
    return GridId(derived_id("grid", signup_id))


class Wishes:
    """Handlers of the events that change what a grid should come to."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def routes(self) -> list[Route[Any]]:
        """Who handles what."""
        return [
            on(SignupPaid, self.want_ready),
            on(ServiceSuspended, self.want_suspended),
            on(ServiceResumed, self.want_served_again),
            on(SubscriptionEnded, self.want_kept_and_removed),
            on(PlanChanged, self.want_quota),
            on(DisputeOpened, self.freeze),
            on(DisputeClosed, self.unfreeze),
        ]

    async def want_ready(self, event: SignupPaid, tx: Transaction) -> None:
        """A grid for this signup is wanted, and due now."""
        grid_id, now = grid_of_signup(event.signup_id), self._clock.now()
        if await store.want_ready(tx, grid_id, event, context.to_headers(context.current()), now):
            await moves.begin(tx, grid_id, now)

    async def want_suspended(self, event: ServiceSuspended, tx: Transaction) -> None:
        """The grid is not served, and everything in it stays."""
        grid, now = await _paid_grid(tx, event), self._clock.now()
        if grid and await asked.stop(tx, grid.id, event.revision, now):
            await moves.heed(tx, grid.id, now, retry=True)

    async def want_served_again(self, event: ServiceResumed, tx: Transaction) -> None:
        """The grid is served, and proved, with the furl that it had."""
        grid, now = await _paid_grid(tx, event), self._clock.now()
        if grid and await asked.serve(tx, grid.id, event.revision):
            await moves.heed(tx, grid.id, now, retry=True, anew=True)

    async def want_kept_and_removed(self, event: SubscriptionEnded, tx: Transaction) -> None:
        """The grid is not served, is kept until ``delete_after``, and is removed then."""
        grid, now = await _paid_grid(tx, event), self._clock.now()
        if grid and await asked.end(tx, grid.id, event.revision, event.delete_after, now):
            await moves.heed(tx, grid.id, now, retry=True)

    async def want_quota(self, event: PlanChanged, tx: Transaction) -> None:
        """The grid holds what its plan holds."""
        grid, now = await _paid_grid(tx, event), self._clock.now()
        if grid and await asked.change_plan(tx, grid.id, event.revision, event.plan, event.quota_bytes):
            await moves.heed(tx, grid.id, now, anew=True)

    async def freeze(self, event: DisputeOpened, tx: Transaction) -> None:
        """Nothing of the grid is removed."""
        grid, now = await _paid_grid(tx, event), self._clock.now()
        if grid and await asked.freeze(tx, grid.id, event.revision, frozen=True):
            await moves.heed(tx, grid.id, now)

    async def unfreeze(self, event: DisputeClosed, tx: Transaction) -> None:
        """The grid may be removed again."""
        grid, now = await _paid_grid(tx, event), self._clock.now()
        if grid and await asked.freeze(tx, grid.id, event.revision, frozen=False):
            await moves.heed(tx, grid.id, now)


async def _paid_grid(tx: Transaction, event: OfSubscription) -> Grid | None:
    """The grid that this subscription pays for; None when it pays for none. Raises NotPaidYet.

    A duplicate was never told as a payment, and has no grid of its own, though perhaps the signup of another's.
    """
    grid = await store.grid(tx, grid_of_signup(event.signup_id))
    if grid is None:
        if isinstance(event, SubscriptionEnded) and event.reason == "duplicate":
            return None
        raise NotPaidYet("signup-not-paid-yet")
    return grid if grid.subscription_id == event.subscription_id else None
