"""Accounts that the clock alone has changed: a grace is over, another plan holds, a grid cannot be made."""

from datetime import timedelta

from s4_billing import provisioning, store
from s4_billing.converge import note, whenever
from s4_billing.sync import Sync
from s4_runtime import Clock, Trouble
from s4_store import Pool

BATCH = 50
POLL = timedelta(minutes=1)
AFTER_TROUBLE = timedelta(minutes=5)  # so that those who are due and can be looked at have their turn


class Due:
    """Looks at them when their time has come."""

    def __init__(self, pool: Pool, sync: Sync, clock: Clock) -> None:
        self._pool = pool
        self._sync = sync
        self._clock = clock

    async def forever(self) -> None:
        """Every minute, and at once when told to."""
        await whenever("due", self._pool, provisioning.CHANNEL, POLL, self.round)

    async def round(self) -> int:
        """The accounts that are due have been looked at. How many, if there may be more."""
        accounts = await store.due_accounts(self._pool, self._clock.now(), BATCH)
        failed = 0
        for account_id in accounts:
            try:
                await self._sync.account(account_id)
            except Trouble as trouble:  # one account's trouble is not the others'
                note("due", trouble)
                now = self._clock.now()
                await store.review_later(self._pool, account_id, now, now + AFTER_TROUBLE)
                failed += 1
        return 0 if failed or len(accounts) < BATCH else len(accounts)
