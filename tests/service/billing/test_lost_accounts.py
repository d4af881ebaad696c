"""Who paid after the last backup is known to Stripe alone, and comes back when an operator says so."""

from support.billing_life import Life
from support.billing_service import Billing


async def lose(life: Life) -> None:
    """Billing never heard of the account, as after a restore of an older database."""
    pool = life.billing.service.pool
    await pool.execute("truncate billing_customer, stripe_event, stripe_command, outbox, outbox_keys cascade")


async def test_an_account_that_only_stripe_knows_is_shown_and_left_alone(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    await lose(life)

    (found,) = (await billing.service.everything.look(apply=True)).drift

    assert (found.kind, found.account_id, found.applied) == ("unknown", None, False)
    assert await billing.events() == []


async def test_it_comes_back_as_it_was_bought_and_once(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    before = await billing.paid_signup()
    await lose(life)

    (found,) = (await billing.service.everything.look(apply=True, lost=True)).drift
    again = await billing.service.everything.look(apply=True, lost=True)

    assert (found.kind, found.account_id, found.applied) == ("missing", life.account, True)
    assert again.drift == []
    after = await billing.paid_signup()
    assert (after.account_id, after.signup_id, after.plan) == (before.account_id, before.signup_id, before.plan)
    assert (after.email, after.subscription_id) == (before.email, before.subscription_id)
    assert (await life.row()).state == "active"


async def test_another_deployments_customers_do_not_come_here(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    name = (await life.row()).stripe_subscription_id
    await lose(life)
    await billing.double.call("POST", f"/v1/subscriptions/{name}", **{"metadata[deployment]": "another"})

    assert (await billing.service.everything.look(apply=True, lost=True)).drift == []
    assert await billing.rows("select account_id from billing_customer") == []
