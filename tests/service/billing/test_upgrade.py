"""What was sold by the release before is taken over: one live subscription for an account, and each is looked at."""

from importlib import resources

import pytest

from s4_runtime import new_id
from s4_store import Pool

# What takes long and has a quick form elsewhere.
pytestmark = pytest.mark.long

_CUSTOMER = "insert into billing_customer (account_id, email, created_at) values ($1, 'buyer@example.org', now())"
_SUBSCRIPTION = (
    "insert into subscription (id, stripe_subscription_id, account_id, plan, state, stripe_status, ever_paid,"
    " created_at, changed_at) values ($1, $2, $3, 'personal', $4, 'active', $5, now(), now())"
)


def migration(name: str) -> str:
    return resources.files("s4_billing").joinpath("migrations", name).read_text()


async def test_of_two_live_subscriptions_one_is_kept_and_all_are_due_for_a_look(new_database: str) -> None:
    account = new_id()
    async with Pool.open(new_database) as pool:
        await pool.execute(migration("0001_init.sql"))
        await pool.execute(_CUSTOMER, account)
        for name, state, paid in (("old", "ended", True), ("unpaid", "pending", False), ("paid", "active", True)):
            await pool.execute(_SUBSCRIPTION, new_id(), name, account, state, paid)
        await pool.execute(migration("0002_whole_life.sql"))
        rows = await pool.fetch("select * from subscription order by stripe_subscription_id")
    assert [(row["stripe_subscription_id"], row["duplicate"]) for row in rows] == [
        ("old", False),
        ("paid", False),
        ("unpaid", True),
    ]
    assert all(row["review_at"] is not None for row in rows)
