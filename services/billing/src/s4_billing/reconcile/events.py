"""Every few minutes: events that never arrived, and checkouts whose end nobody reported."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from s4_billing import inbox, store
from s4_billing.reconcile import runs
from s4_billing.reconcile.metrics import FOUND
from s4_billing.settings import Settings
from s4_billing.sync import Sync
from s4_runtime import Clock, Trouble, get_logger
from s4_store import Pool
from s4_stripe.api import StripeApi
from s4_stripe.deliveries import is_wanted
from s4_stripe.facts import Occurrence

# Events may show up in the list a little after they happened, and clocks differ.
OVERLAP = timedelta(hours=1)
FIRST_LOOK_BACK = timedelta(hours=24)
# Stripe lists events for 30 days (docs.stripe.com/api/events).
LONGEST_LOOK_BACK = timedelta(days=30)


class MissedEvents:
    """The look at the list of events."""

    def __init__(self, pool: Pool, api: StripeApi, sync: Sync, clock: Clock, settings: Settings) -> None:
        self._pool = pool
        self._api = api
        self._sync = sync
        self._clock = clock
        self._settings = settings

    async def turn(self) -> None:
        """Look, unless some replica did so within the interval."""
        run = await runs.begin(self._pool, "events", self._settings.reconcile_every, self._clock.now())
        if run is not None:
            await self.run(run)

    async def run(self, run: int) -> None:
        """Missing events are in the inbox, checkouts past their time are settled, and the run is recorded."""
        now = self._clock.now()
        last = await runs.last_finished(self._pool, "events")
        since = max((last or now - FIRST_LOOK_BACK) - OVERLAP, now - LONGEST_LOOK_BACK)
        missing = 0
        async for event in self._listed(since, now):
            ours = event.deployment in {None, self._settings.deployment}
            async with self._pool.transaction() as tx:
                missing += await inbox.receive(tx, event, self._clock.now(), ours=ours)
        stale = await store.stale_accounts(self._pool, now)
        for account_id in stale:
            try:
                await self._sync.account(account_id)
            except Trouble as trouble:  # one account's trouble is not the others'
                get_logger().warning("reconcile.skipped", account=account_id, code=trouble.code)
        await store.forget_unmade_checkouts(self._pool, now)
        await runs.finish(self._pool, run, self._clock.now(), events_missing=missing, checkouts_stale=len(stale))
        FOUND.labels("event").inc(missing)
        get_logger().info("reconcile.events", missing=missing, checkouts_stale=len(stale))

    async def _listed(self, since: datetime, now: datetime) -> AsyncIterator[Occurrence]:
        """What happened lately, and whatever Stripe could not deliver, however long ago."""
        looks = (
            self._api.events_since(since),
            self._api.events_since(now - LONGEST_LOOK_BACK, undelivered=True),
        )
        for look in looks:
            async for event in look:
                if is_wanted(event.type) and event.livemode == self._settings.is_live:
                    yield event
