"""Every hour: what should have changed by now, and has not."""

from datetime import timedelta

from s4_billing.commands import Commands
from s4_billing.reconcile import runs
from s4_billing.reconcile.metrics import FOUND
from s4_billing.settings import Settings
from s4_billing.sync import Sync
from s4_runtime import Clock, Temporary, get_logger
from s4_store import Pool

# Stripe makes a renewal's bill when the period ends and collects it about an hour later
# (docs.stripe.com/billing/invoices/subscription, "Subscription lifecycle").
RENEWAL = timedelta(hours=3)
_OVERDUE = """
select account_id from subscription where state <> 'ended' and (period_end < $1 or review_at < $2)
union select account_id from checkout where state in ('open', 'pending') and expires_at < $1
union select account_id from stripe_command where state in ('pending', 'unknown') and tried_at < $1
limit 1000
"""


class Overdue:
    """The look at our own rows: periods and graces that are over, checkouts and commands without an end."""

    def __init__(self, pool: Pool, sync: Sync, commands: Commands, clock: Clock, settings: Settings) -> None:
        self._pool = pool
        self._sync = sync
        self._commands = commands
        self._clock = clock
        self._settings = settings

    async def turn(self) -> None:
        """Look, unless some replica did so within the interval. One account's trouble is not the others'."""
        now = self._clock.now()
        run = await runs.begin(self._pool, "hourly", self._settings.reconcile_hourly, now)
        if run is None:
            return
        try:
            await self._commands.settle()
        except Temporary as trouble:
            get_logger().warning("reconcile.skipped", account=None, code=trouble.code)
        accounts = [row["account_id"] for row in await self._pool.fetch(_OVERDUE, now - RENEWAL, now)]
        for account_id in accounts:
            try:
                await self._sync.account(account_id)
            except Temporary as trouble:
                get_logger().warning("reconcile.skipped", account=account_id, code=trouble.code)
        await runs.finish(self._pool, run, self._clock.now(), compared=len(accounts))
        FOUND.labels("overdue").inc(len(accounts))
        get_logger().info("reconcile.hourly", overdue=len(accounts))
