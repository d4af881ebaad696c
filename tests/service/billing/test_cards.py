"""Who chooses another card is charged by that one."""

from datetime import timedelta
from typing import Any

import pytest

from support.billing_service import Billing
from support.stripe_double import GOOD_CARD
from support.subscriber import Subscriber
from support.waiting import until

# What takes long and has a quick form elsewhere.
pytestmark = pytest.mark.long

OTHER_CARD = "5555555555554444"


async def customer_of(buyer: Subscriber) -> dict[str, Any]:
    return await buyer.billing.double.call("GET", f"/v1/customers/{(await buyer.at_stripe())['customer']}")


async def last_digits(buyer: Subscriber) -> list[str]:
    """Of the cards that were charged, newest first."""
    charges = await buyer.billing.double.objects("/v1/charges")
    return [each["payment_method_details"]["card"]["last4"] for each in charges if each["status"] == "succeeded"]


async def test_who_never_opens_the_portal_is_charged_by_the_card_of_the_checkout(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    await buyer.later(days=32)
    assert await last_digits(buyer) == [GOOD_CARD[-4:], GOOD_CARD[-4:]]
    assert await billing.rows("select 1 from stripe_command where kind = 'card.follow'") == []


async def test_a_card_that_was_given_in_the_portal_is_charged_from_the_next_bill_on(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    await buyer.new_card(OTHER_CARD)
    await followed(buyer)
    await buyer.later(days=32)
    assert (await buyer.shown())["state"] == "active"
    assert await last_digits(buyer) == [OTHER_CARD[-4:], GOOD_CARD[-4:]]


async def test_a_new_card_after_a_failed_bill_pays_it_at_once_and_the_next_ones(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    await buyer.bank("lost_card")
    await buyer.later(days=32)
    assert (await buyer.shown())["state"] == "past_due"
    await buyer.new_card(OTHER_CARD)
    assert (await buyer.ask("/pay"))["state"] == "active"
    await buyer.later(days=31)
    assert await last_digits(buyer) == [OTHER_CARD[-4:], OTHER_CARD[-4:], GOOD_CARD[-4:]]


async def own_card(buyer: Subscriber) -> str:
    return str((await buyer.at_stripe())["default_payment_method"])


async def chosen_card(buyer: Subscriber) -> str:
    return str((await customer_of(buyer))["invoice_settings"]["default_payment_method"])


async def followed(buyer: Subscriber) -> str:
    """The customer's choice, as soon as the subscription has it too."""

    async def is_followed() -> bool:
        return await own_card(buyer) == await chosen_card(buyer)

    await until(is_followed, within=5, what="the choice is followed")
    return await own_card(buyer)


async def test_a_card_that_is_given_to_the_subscription_itself_stays_until_the_next_choice(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    first = await own_card(buyer)
    await buyer.new_card(OTHER_CARD)
    await billing.quiet()
    second = await followed(buyer)
    assert second != first
    path = f"/v1/subscriptions/{(await buyer.at_stripe())['id']}"
    await billing.double.call("POST", path, default_payment_method=first)
    await buyer.synced()
    assert (await own_card(buyer), await chosen_card(buyer)) == (first, second)
    customer = f"/v1/customers/{(await buyer.at_stripe())['customer']}"
    for choice in (first, second, first, second):  # changing one's mind is a new choice each time
        await billing.double.call("POST", customer, **{"invoice_settings[default_payment_method]": choice})
        await billing.quiet()
        assert await followed(buyer) == choice


async def test_the_card_of_a_later_purchase_is_used_for_it(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    await buyer.new_card(GOOD_CARD)
    await followed(buyer)
    await buyer.ask("/cancel", when="now")
    await billing.double.advance(60)
    again = await Subscriber.of(billing, card=OTHER_CARD, account_id=buyer.id)
    await again.later(days=32)
    assert (await last_digits(again))[0] == OTHER_CARD[-4:]


@pytest.mark.parametrize(("kind", "times"), [("503", 4), ("500", 1), ("commit_then_timeout", 1)])
async def test_a_choice_is_followed_whatever_stripe_does(billing: Billing, kind: str, times: int) -> None:
    buyer = await Subscriber.of(billing)
    await billing.double.fault("POST /v1/subscriptions/*", kind, times=times)
    await buyer.new_card(OTHER_CARD)
    await billing.quiet()
    billing.clock.ahead += timedelta(minutes=1)
    await billing.service.commands.settle(billing.service.sync.account)
    await followed(buyer)


async def test_a_choice_that_nobody_told_us_of_is_followed_when_a_bill_waits(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    await billing.double.webhooks("drop")
    await buyer.new_card(OTHER_CARD)
    await buyer.bank("lost_card")
    await buyer.later(days=32)
    assert (await buyer.shown())["state"] == "past_due"
    await buyer.later(days=4)
    assert (await buyer.shown())["state"] == "active"
    assert (await last_digits(buyer))[0] == OTHER_CARD[-4:]
