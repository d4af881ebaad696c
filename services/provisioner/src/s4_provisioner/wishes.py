"""What billing's events ask for: recorded in milliseconds, carried out by the converger."""

from s4_bus import Route, on
from s4_contracts.billing import SignupPaid
from s4_contracts.ids import GridId, SignupId
from s4_provisioner import moves, store
from s4_runtime import Clock, context, derived_id
from s4_store import Transaction


def grid_of_signup(signup_id: SignupId) -> GridId:
    """The one grid that a signup leads to, however often it is told."""
    return GridId(derived_id("grid", signup_id))


class Wishes:
    """Handlers of the events that change what a grid should come to."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def routes(self) -> list[Route[SignupPaid]]:
        """Who handles what."""
        return [on(SignupPaid, self.want_ready)]

    async def want_ready(self, event: SignupPaid, tx: Transaction) -> None:
        """A grid for this signup is wanted, and due now."""
        grid_id, now = grid_of_signup(event.signup_id), self._clock.now()
        if await store.want_ready(tx, grid_id, event, context.to_headers(context.current()), now):
            await moves.begin(tx, grid_id, now)
