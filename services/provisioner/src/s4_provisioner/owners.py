"""What the owner of a grid chooses by themselves: a pause, and an end that is sooner than promised."""

from datetime import timedelta
from typing import Any

from s4_bus import Route, on
from s4_contracts.web import ErasureChosen, PauseChosen
from s4_provisioner import chosen, erasure, moves, store
from s4_runtime import Clock, Permanent
from s4_store import Transaction


class NotTheirs(Permanent):
    """The account that chose has no such grid: nobody is told of a grid that is not theirs."""


class OwnersWishes:
    """Handlers of the choices that are made on the site. ``erasure_delay``: how long one may be taken back."""

    def __init__(self, clock: Clock, erasure_delay: timedelta) -> None:
        self._clock, self._erasure_delay = clock, erasure_delay

    def routes(self) -> list[Route[Any]]:
        """Who handles what."""
        return [on(PauseChosen, self.pause), on(ErasureChosen, self.erase)]

    async def pause(self, event: PauseChosen, tx: Transaction) -> None:
        """The grid is not served, and everything in it stays; or it is served again, and proved, if billing agrees."""
        await _theirs(tx, event)
        now = self._clock.now()
        if await chosen.pause(tx, event, now):
            await moves.heed(tx, event.grid_id, now, retry=True, anew=not event.paused)

    async def erase(self, event: ErasureChosen, tx: Transaction) -> None:
        """Everything of a grid that has ended is deleted soon, or when it was promised. It waits for the end."""
        await _theirs(tx, event)
        now = self._clock.now()
        at = erasure.erase_at(event.occurred_at, self._erasure_delay, now)
        if await chosen.erase(tx, event, at) and await chosen.settle(tx, event.grid_id, now):
            await moves.heed(tx, event.grid_id, now)


async def _theirs(tx: Transaction, event: PauseChosen | ErasureChosen) -> None:
    grid = await store.grid(tx, event.grid_id)
    if grid is None or grid.account_id != event.account_id:
        raise NotTheirs("no-such-grid")
