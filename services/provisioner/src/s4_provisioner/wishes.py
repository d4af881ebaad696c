"""What billing's events, and the owners of grids, ask for: recorded in milliseconds, carried out by the converger."""

from datetime import timedelta
from typing import Any

from s4_bus import Route, on
from s4_contracts.billing import SignupPaid
from s4_provisioner import moves, store
from s4_provisioner.fleet.pools import Fleet
from s4_provisioner.later import LaterWishes
from s4_provisioner.names import grid_of_signup
from s4_provisioner.owners import OwnersWishes
from s4_provisioner.ports import PortRange
from s4_runtime import Clock, context
from s4_store import Transaction


class Wishes:
    """Handlers of the events that change what a grid should come to."""

    def __init__(
        self,
        clock: Clock,
        fleet: Fleet,
        ports: PortRange,
        kept_at_least: timedelta,
        erasure_delay: timedelta = timedelta(days=1),
    ) -> None:
        self._clock, self._later = clock, LaterWishes(clock, fleet, kept_at_least)
        self._owners = OwnersWishes(clock, erasure_delay)
        self._fleet, self._ports = fleet, ports

    def routes(self) -> list[Route[Any]]:
        """Who handles what."""
        return [on(SignupPaid, self.want_ready), *self._later.routes(), *self._owners.routes()]

    async def want_ready(self, event: SignupPaid, tx: Transaction) -> None:
        """A grid for this signup is wanted, and due now."""
        grid_id, now = grid_of_signup(event.signup_id), self._clock.now()
        pool = self._fleet.pool_of(event.plan)
        belonging = store.Belonging(pool, self._fleet.spec(pool).region, self._ports.of(grid_id))
        story = context.to_headers(context.current())
        if await store.want_ready(tx, grid_id, event, belonging, story=story, now=now):
            await moves.begin(tx, grid_id, now)
