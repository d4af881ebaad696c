import pytest
import stripe

from devcloud.stripe.lives import DAY, DECLINED_LATER, HOUR, Life, period
from devcloud.stripe.shop import DECLINED, a_session, type_card


async def a_trial(life: Life, *, days: int = 14, **changes: str) -> stripe.Subscription:
    return await life.subscribe(subscription_data={"trial_period_days": days}, **changes)


async def test_a_trial_begins_with_a_free_invoice_and_no_charge(life: Life) -> None:
    subscription = await a_trial(life)
    assert subscription.status == "trialing"
    assert subscription.trial_start is not None
    assert subscription.trial_end == subscription.trial_start + 14 * DAY
    assert period(subscription) == (subscription.trial_start, subscription.trial_end)
    invoice = (await life.invoices(subscription))[0]
    assert (invoice.status, invoice.total, invoice.billing_reason) == ("paid", 0, "subscription_create")
    assert invoice.lines.data[0].description == "Trial period for Personal grid"
    state = await life.control.get("/state")
    assert not {"charge", "payment_intent", "invoice_payment"} & set(state["counts"])
    types = {event["type"] for event in await life.said()}
    assert {"invoice.paid", "customer.subscription.created", "checkout.session.completed"} <= types


async def test_a_session_with_a_trial_takes_a_card_and_asks_for_nothing_now(life: Life) -> None:
    session = await a_session(life.client, subscription_data={"trial_period_days": 14})
    assert (session.amount_total, session.url is not None) == (0, True)
    async with life.browser.get(str(session.url)) as answer:
        page = await answer.text()
    assert ("Free until" in page, "25.00 USD per month" in page, "0.00 USD" in page) == (True, True, True)
    await type_card(life.browser, session.url)
    paid = await life.client.v1.checkout.sessions.retrieve_async(session.id)
    assert (paid.status, paid.payment_status) == ("complete", "no_payment_required")


async def test_the_end_of_a_trial_is_announced_three_days_ahead_and_then_charged(life: Life) -> None:
    subscription = await a_trial(life)
    end = period(subscription)[1]
    await life.go_to(end - 3 * DAY - HOUR)
    assert await life.said("customer.subscription.trial_will_end") == []
    await life.go_to(end - 3 * DAY)
    assert len(await life.said("customer.subscription.trial_will_end")) == 1
    await life.go_to(end)
    active = await life.again(subscription)
    assert (active.status, period(active)[0], active.billing_cycle_anchor) == ("active", end, end)
    updated = (await life.said("customer.subscription.updated"))[-1]
    assert (updated["data"]["previous_attributes"])["status"] == "trialing"
    await life.go_to(end + HOUR)
    invoice = (await life.invoices(subscription))[0]
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == ("paid", 2500, "subscription_cycle")


async def test_a_trial_shorter_than_the_notice_is_announced_at_once(life: Life) -> None:
    await a_trial(life, days=2)
    assert len(await life.said("customer.subscription.trial_will_end")) == 1


async def test_a_card_that_is_only_good_for_keeping_fails_when_the_trial_ends(life: Life) -> None:
    subscription = await a_trial(life, number=DECLINED_LATER)
    assert subscription.status == "trialing"
    await life.go_to(period(subscription)[1] + HOUR)
    assert (await life.again(subscription)).status == "past_due"
    await life.wait(16 * DAY)
    assert (await life.again(subscription)).status == "canceled"


async def test_a_declined_card_begins_no_trial(life: Life) -> None:
    session = await a_session(life.client, subscription_data={"trial_period_days": 14})
    status, page, _ = await type_card(life.browser, session.url, DECLINED)
    assert (status, "Your card was declined." in page) == (402, True)
    assert (await life.client.v1.checkout.sessions.retrieve_async(session.id)).status == "open"


async def test_a_trial_that_is_canceled_is_never_charged(life: Life) -> None:
    subscription = await a_trial(life)
    await life.client.v1.subscriptions.update_async(subscription.id, {"cancel_at_period_end": True})
    await life.wait(20 * DAY)
    assert (await life.again(subscription)).status == "canceled"
    assert len(await life.invoices(subscription)) == 1


@pytest.mark.parametrize("data", [{"trial_period_days": 0}, {"trial_period_days": 9999}, {"trial_end": 5}])
async def test_a_trial_that_cannot_be_is_refused(life: Life, data: dict[str, int]) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await a_session(life.client, subscription_data=data)


async def test_a_trial_without_a_card_is_not_there(life: Life) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="does not implement"):
        await a_session(
            life.client, subscription_data={"trial_period_days": 3}, payment_method_collection="if_required"
        )


async def test_a_trial_has_one_end(life: Life) -> None:
    end = await life.now() + 30 * DAY
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        await a_session(life.client, subscription_data={"trial_period_days": 3, "trial_end": end})
    subscription = await life.subscribe(subscription_data={"trial_end": end})
    assert subscription.trial_end == end
