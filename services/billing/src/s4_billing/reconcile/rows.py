"""Our rows, as the nightly look needs them: all at once."""

import msgspec

from s4_billing.store import SubscriptionRow
from s4_store import Pool


async def all_subscriptions(pool: Pool) -> dict[str, SubscriptionRow]:
    """Every row, by Stripe's id."""
    rows = await pool.fetch("select * from subscription")
    return {row["stripe_subscription_id"]: msgspec.convert(dict(row), SubscriptionRow) for row in rows}


async def account_of_subscription(pool: Pool, stripe_subscription_id: str) -> str | None:
    """Whose subscription it is, if we have a row for it."""
    sql = "select account_id from subscription where stripe_subscription_id = $1"
    account: str | None = await pool.fetchval(sql, stripe_subscription_id)
    return account
