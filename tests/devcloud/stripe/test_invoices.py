import pytest
import stripe

from devcloud.stripe.lives import ALWAYS_AUTHENTICATE, DAY, HOUR, Life, period
from devcloud.stripe.shop import GOOD


async def an_open_invoice(life: Life, behaviour: str = "generic_decline") -> tuple[stripe.Subscription, stripe.Invoice]:
    """A subscription past due, and its unpaid renewal."""
    subscription = await life.subscribe()
    await life.card(GOOD, behaviour)
    await life.go_to(period(subscription)[1] + HOUR)
    return subscription, (await life.invoices(subscription))[0]


async def test_paying_an_open_invoice_makes_its_subscription_active(life: Life) -> None:
    subscription, invoice = await an_open_invoice(life)
    await life.card(GOOD, "ok")
    paid = await life.client.v1.invoices.pay_async(str(invoice.id))
    assert (paid.status, paid.amount_paid, paid.attempt_count, paid.next_payment_attempt) == ("paid", 2500, 1, None)
    assert (await life.again(subscription)).status == "active"
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        await life.client.v1.invoices.pay_async(str(invoice.id))


async def test_a_declined_card_is_an_error_and_stays_on_record(life: Life) -> None:
    _, invoice = await an_open_invoice(life, "insufficient_funds")
    with pytest.raises(stripe.CardError) as declined:
        await life.client.v1.invoices.pay_async(str(invoice.id), options={"idempotency_key": "pay:1"})
    assert (declined.value.code, declined.value.http_status) == ("card_declined", 402)
    assert declined.value.error is not None
    assert declined.value.error.decline_code == "insufficient_funds"
    again = await life.client.v1.invoices.retrieve_async(str(invoice.id))
    assert (again.attempt_count, again.next_payment_attempt) == (1, invoice.next_payment_attempt)
    assert len(await life.said("invoice.payment_failed")) == 2
    assert len(await life.said("charge.failed")) == 2
    with pytest.raises(stripe.CardError):
        await life.client.v1.invoices.pay_async(str(invoice.id), options={"idempotency_key": "pay:1"})
    assert len(await life.said("charge.failed")) == 2, "a repetition under the same key charges nobody"


async def test_an_invoice_that_needs_its_cardholder_says_so(life: Life) -> None:
    subscription = await life.subscribe(ALWAYS_AUTHENTICATE)
    await life.go_to(period(subscription)[1] + HOUR)
    invoice = (await life.invoices(subscription))[0]
    with pytest.raises(stripe.CardError) as asked:
        await life.client.v1.invoices.pay_async(str(invoice.id))
    assert asked.value.code == "invoice_payment_intent_requires_action"


async def test_a_draft_can_be_paid_ahead_of_its_hour(life: Life) -> None:
    subscription = await life.subscribe()
    await life.go_to(period(subscription)[1])
    draft = (await life.invoices(subscription))[0]
    assert draft.status == "draft"
    assert (await life.client.v1.invoices.pay_async(str(draft.id))).status == "paid"
    await life.wait(2 * HOUR)
    assert len(await life.said("invoice.paid", since=draft.created)) == 1


async def test_a_finalized_draft_is_collected_an_hour_later(life: Life) -> None:
    subscription = await life.subscribe()
    await life.go_to(period(subscription)[1])
    draft = (await life.invoices(subscription))[0]
    finalized = await life.client.v1.invoices.finalize_invoice_async(str(draft.id))
    assert (finalized.status, finalized.amount_remaining) == ("open", 2500)
    with pytest.raises(stripe.InvalidRequestError):
        await life.client.v1.invoices.finalize_invoice_async(str(draft.id))
    await life.wait(HOUR)
    assert (await life.invoices(subscription))[0].status == "paid"


@pytest.mark.parametrize(
    ("how", "status"), [("void_invoice_async", "void"), ("mark_uncollectible_async", "uncollectible")]
)
async def test_an_invoice_that_nobody_waits_for_lets_its_subscription_be(life: Life, how: str, status: str) -> None:
    subscription, invoice = await an_open_invoice(life)
    given_up = await getattr(life.client.v1.invoices, how)(invoice.id)
    assert (given_up.status, given_up.next_payment_attempt) == (status, None)
    assert (await life.again(subscription)).status == "active"
    await life.wait(20 * DAY)
    assert (await life.client.v1.invoices.retrieve_async(str(invoice.id))).attempt_count == 1
    with pytest.raises(stripe.InvalidRequestError):
        await life.client.v1.invoices.mark_uncollectible_async(str(invoice.id))


async def test_a_void_invoice_takes_its_payment_with_it_and_an_uncollectible_one_can_still_be_paid(life: Life) -> None:
    _, invoice = await an_open_invoice(life)
    name = str(invoice.id)
    await life.client.v1.invoices.mark_uncollectible_async(name)
    await life.card(GOOD, "ok")
    assert (await life.client.v1.invoices.pay_async(name)).status == "paid"
    with pytest.raises(stripe.InvalidRequestError):
        await life.client.v1.invoices.void_invoice_async(name)


async def test_the_payment_of_a_void_invoice_is_canceled(life: Life) -> None:
    _, invoice = await an_open_invoice(life)
    await life.client.v1.invoices.void_invoice_async(str(invoice.id))
    payment = (await life.client.v1.invoice_payments.list_async({"invoice": invoice.id})).data[0]
    assert payment.status == "canceled"
    intent = await life.client.v1.payment_intents.retrieve_async(str(payment.payment.payment_intent))
    assert (intent.status, intent.cancellation_reason) == ("canceled", "void_invoice")
    with pytest.raises(stripe.InvalidRequestError):
        await life.client.v1.invoices.pay_async(str(invoice.id))


async def test_what_is_not_settled_can_be_changed(life: Life) -> None:
    subscription, invoice = await an_open_invoice(life)
    changed = await life.client.v1.invoices.update_async(
        str(invoice.id), {"auto_advance": False, "metadata": {"a": "b"}, "description": "Second month"}
    )
    assert (changed.auto_advance, changed.next_payment_attempt, changed.description) == (False, None, "Second month")
    await life.wait(20 * DAY)
    assert (await life.again(subscription)).status == "past_due"
    again = await life.client.v1.invoices.update_async(str(invoice.id), {"auto_advance": True})
    assert again.next_payment_attempt is not None
    lines = await life.client.v1.invoices.line_items.list_async(str(invoice.id))
    assert [line.amount for line in lines.data] == [2500]
