"""Finding what we were not told: events that never arrived, and checkouts whose end nobody reported."""

from datetime import timedelta

from prometheus_client import Counter

from s4_billing import inbox, store
from s4_billing.settings import Settings
from s4_billing.sync import Sync
from s4_runtime import Clock, get_logger
from s4_store import Pool
from s4_stripe.api import StripeApi
from s4_stripe.deliveries import is_wanted

# Events may show up in the list a little after they happened, and clocks differ.
OVERLAP = timedelta(hours=1)
FIRST_LOOK_BACK = timedelta(hours=24)

DRIFT = Counter("billing_drift_found_total", "What reconciliation found that nobody had told us.", ["kind"])


class Reconciler:
    """Runs now and then, on one replica at a time; twice would do no harm."""

    def __init__(self, pool: Pool, api: StripeApi, sync: Sync, clock: Clock, settings: Settings) -> None:
        self._pool = pool
        self._api = api
        self._sync = sync
        self._clock = clock
        self._settings = settings

    async def turn(self) -> None:
        """Reconcile, unless some replica did so within the interval."""
        now = self._clock.now()
        sql = (
            "insert into reconcile_run (started_at) select $1 where not exists"
            " (select from reconcile_run where started_at > $2) returning id"
        )
        run: int | None = await self._pool.fetchval(sql, now, now - self._settings.reconcile_every * 0.9)
        if run is not None:
            await self.run(run)

    async def run(self, run: int) -> None:
        """Missing events are in the inbox, checkouts past their time are settled, and the run is recorded."""
        since = await self._pool.fetchval("select max(started_at) from reconcile_run where finished_at is not null")
        missing = 0
        async for event in self._api.events_since((since or self._clock.now() - FIRST_LOOK_BACK) - OVERLAP):
            if is_wanted(event.type) and event.livemode == self._settings.is_live:
                ours = event.deployment in {None, self._settings.deployment}
                async with self._pool.transaction() as tx:
                    missing += await inbox.receive(tx, event, self._clock.now(), ours=ours)
        stale = await store.stale_accounts(self._pool, self._clock.now())
        for account_id in stale:
            await self._sync.account(account_id)
        await store.forget_unmade_checkouts(self._pool, self._clock.now())
        sql = "update reconcile_run set finished_at = $2, events_missing = $3, checkouts_stale = $4 where id = $1"
        await self._pool.execute(sql, run, self._clock.now(), missing, len(stale))
        DRIFT.labels("event").inc(missing)
        get_logger().info("reconcile.finished", events_missing=missing, checkouts_stale=len(stale))
