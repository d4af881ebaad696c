"""Paying what is due at once, by the card on file, instead of waiting for the next try."""

import asyncio

import pytest

from s4_runtime import new_id
from support.billing_service import Billing
from support.subscriber import Subscriber

# What takes long and has a quick form elsewhere.
pytestmark = pytest.mark.long

PAY = "POST /v1/invoices/*/pay"


async def owing(billing: Billing, behaviour: str = "insufficient_funds") -> Subscriber:
    """Somebody whose second month could not be collected."""
    buyer = await Subscriber.of(billing)
    await buyer.bank(behaviour)
    await buyer.later(days=32)
    return buyer


async def test_what_is_due_is_told_with_when_it_is_tried_again_and_when_it_ends(billing: Billing) -> None:
    buyer = await owing(billing)
    told = await buyer.shown()
    failing = told["failing"]
    assert (told["state"], failing["amount"], failing["currency"], failing["attempt"]) == ("past_due", 2500, "usd", 1)
    assert failing["must_confirm"] is False
    assert failing["next_attempt_at"] < failing["suspends_at"]
    assert told["can"] == {"cancel": True, "resume": False, "change_plan": False, "pay": True}


async def test_who_pays_is_served_as_before(billing: Billing) -> None:
    buyer = await owing(billing)
    await buyer.bank("ok")
    told = await buyer.ask("/pay")
    assert (told["state"], told["failing"], told["can"]["pay"]) == ("active", None, False)
    assert [bill["status"] for bill in told["invoices"]] == ["paid", "paid"]


async def test_who_pays_after_the_grace_is_served_again(billing: Billing) -> None:
    buyer = await owing(billing)
    await buyer.later(days=12.5)
    assert (await buyer.shown())["state"] == "suspended"
    await buyer.bank("ok")
    assert (await buyer.ask("/pay"))["state"] == "active"


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [("generic_decline", "declined"), ("insufficient_funds", "funds"), ("expired_card", "expired")],
)
async def test_a_card_that_is_declined_says_what_helps_and_each_time_the_same(
    billing: Billing, behaviour: str, reason: str
) -> None:
    buyer = await owing(billing, behaviour)
    click = new_id()
    refused = (402, {"code": "card-declined", "reason": reason, "url": None})
    assert await buyer.click("/pay", request_id=click) == refused
    assert await buyer.click("/pay", request_id=click) == refused
    (bill,) = await billing.double.objects("/v1/invoices?status=open")
    assert await billing.calls("POST", f"/v1/invoices/{bill['id']}/pay") == 0
    assert (await buyer.shown())["state"] == "past_due"
    await buyer.bank("ok")
    assert (await buyer.ask("/pay"))["state"] == "active"


async def test_who_must_confirm_is_led_to_the_page_of_the_bill(billing: Billing) -> None:
    buyer = await owing(billing, "always_authenticate")
    assert (await buyer.shown())["failing"]["must_confirm"] is True
    status, told = await buyer.click("/pay")
    assert (status, told["code"], told["reason"]) == (402, "card-declined", "confirm")
    assert told["url"].startswith("http")


async def test_a_card_that_was_chosen_for_the_customer_alone_is_used(billing: Billing) -> None:
    buyer = await owing(billing)
    customer = (await buyer.at_stripe())["customer"]
    attached = await billing.double.call("POST", "/v1/payment_methods/pm_card_mastercard/attach", customer=customer)
    chosen = {"invoice_settings[default_payment_method]": attached["id"]}
    await billing.double.call("POST", f"/v1/customers/{customer}", **chosen)
    assert (await buyer.ask("/pay"))["state"] == "active"


async def test_nothing_is_due_of_who_owes_nothing(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    assert await buyer.click("/pay") == (409, {"code": "nothing-due"})


async def test_nothing_is_due_any_more_when_stripe_was_faster(billing: Billing) -> None:
    buyer = await owing(billing)
    await buyer.bank("ok")
    (bill,) = await billing.double.objects("/v1/invoices?status=open")
    await billing.double.call("POST", f"/v1/invoices/{bill['id']}/pay")
    assert await buyer.click("/pay") == (409, {"code": "nothing-due"})
    assert (await buyer.shown())["state"] == "active"


async def test_five_impatient_clicks_take_the_money_once(billing: Billing) -> None:
    buyer = await owing(billing)
    await buyer.bank("ok")
    answers = await asyncio.gather(*(buyer.click("/pay") for _ in range(5)))
    assert 200 in {status for status, _ in answers}
    charges = await billing.double.objects("/v1/charges")
    assert [charge["amount"] for charge in charges if charge["status"] == "succeeded"] == [2500, 2500]


@pytest.mark.parametrize("kind", ["commit_then_timeout", "drop", "500", "429", "html"])
async def test_one_failure_of_stripe_is_not_seen_and_takes_the_money_once(billing: Billing, kind: str) -> None:
    buyer = await owing(billing)
    await buyer.bank("ok")
    await billing.double.fault(PAY, kind)
    assert (await buyer.ask("/pay"))["state"] == "active"
    charges = await billing.double.objects("/v1/charges")
    assert len([charge for charge in charges if charge["status"] == "succeeded"]) == 2
