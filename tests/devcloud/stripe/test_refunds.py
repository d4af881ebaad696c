import aiohttp
import pytest
import stripe

from devcloud.stripe.ends import Control
from devcloud.stripe.shop import DECLINED, REFUND_FAILS, REFUND_PENDING, a_paid_charge, a_session, type_card

HOUR = 3600


async def told(client: stripe.StripeClient, pattern: str) -> list[str]:
    """The types of the events that were told, oldest first."""
    return [event.type for event in reversed((await client.v1.events.list_async({"type": pattern})).data)]


async def test_a_full_refund_pays_back_all_that_is_left(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    charge = await a_paid_charge(client, browser)
    refund = await client.v1.refunds.create_async(
        {"payment_intent": str(charge.payment_intent), "reason": "requested_by_customer", "metadata": {"refund": "r-1"}}
    )
    assert (refund.amount, refund.status, refund.charge) == (2500, "succeeded", charge.id)
    after = await client.v1.charges.retrieve_async(charge.id, {"expand": ["refunds"]})
    assert (after.amount_refunded, after.refunded) == (2500, True)
    assert after.refunds is not None
    assert [row.id for row in after.refunds.data] == [refund.id]
    listed = await client.v1.charges.list_async({"customer": str(charge.customer)})
    assert [(row.amount_refunded, row.refunded, row.disputed) for row in listed.data] == [(2500, True, False)]
    assert await told(client, "*refund*") == ["refund.created", "charge.refunded"]


async def test_parts_are_refunded_until_nothing_is_left(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    charge = await a_paid_charge(client, browser)
    first = await client.v1.refunds.create_async({"charge": charge.id, "amount": 1000})
    assert (await client.v1.charges.retrieve_async(charge.id)).refunded is False
    with pytest.raises(stripe.InvalidRequestError) as too_much:
        await client.v1.refunds.create_async({"charge": charge.id, "amount": 1501})
    assert too_much.value.param == "amount"
    second = await client.v1.refunds.create_async({"charge": charge.id})
    assert second.amount == 1500
    with pytest.raises(stripe.InvalidRequestError) as nothing_left:
        await client.v1.refunds.create_async({"charge": charge.id, "amount": 1})
    assert nothing_left.value.code == "charge_already_refunded"
    for wanted in ({"charge": charge.id}, {"payment_intent": str(charge.payment_intent)}):
        found = await client.v1.refunds.list_async(wanted)  # type: ignore[arg-type]  # both are parameters
        assert [row.id for row in found.data] == [second.id, first.id]
    assert (await client.v1.refunds.list_async({"charge": "ch_other"})).data == []


@pytest.mark.parametrize("amount", [0, -5])
async def test_an_amount_below_one_is_refused(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, amount: int
) -> None:
    charge = await a_paid_charge(client, browser)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.refunds.create_async({"charge": charge.id, "amount": amount})
    assert (refused.value.code, refused.value.param) == ("parameter_invalid_integer", "amount")


async def test_a_refund_names_one_payment_that_succeeded(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    await type_card(browser, (await a_session(client)).url, DECLINED)
    failed = (await client.v1.charges.list_async()).data[0]
    wrong: list[stripe.params.RefundCreateParams] = [
        {},
        {"charge": failed.id, "payment_intent": str(failed.payment_intent)},
        {"charge": failed.id},
        {"payment_intent": str(failed.payment_intent)},
        {"charge": "ch_none"},
        {"payment_intent": "pi_none"},
    ]
    for params in wrong:
        with pytest.raises(stripe.InvalidRequestError):
            await client.v1.refunds.create_async(params)
    assert (await client.v1.refunds.list_async()).data == []


async def test_a_repeated_request_with_the_same_key_refunds_once(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    charge = await a_paid_charge(client, browser)
    keyed: stripe.RequestOptions = {"idempotency_key": "refund:r-1"}
    one, same = [await client.v1.refunds.create_async({"charge": charge.id, "amount": 5}, keyed) for _ in range(2)]
    assert one.id == same.id
    assert (await client.v1.charges.retrieve_async(charge.id)).amount_refunded == 5


async def test_metadata_can_be_changed_and_nothing_else(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    charge = await a_paid_charge(client, browser)
    refund = await client.v1.refunds.create_async({"charge": charge.id})
    await client.v1.refunds.update_async(refund.id, {"metadata": {"why": "sorry"}})
    found = await client.v1.refunds.retrieve_async(refund.id, {"expand": ["charge", "payment_intent"]})
    assert isinstance(found.charge, stripe.Charge)
    assert found.metadata is not None
    assert found.metadata.to_dict() == {"why": "sorry"}
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.refunds.cancel_async(refund.id)


async def test_a_late_refund_is_pending_counts_at_once_and_ends_by_the_clock(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control
) -> None:
    charge = await a_paid_charge(client, browser, REFUND_PENDING)
    refund = await client.v1.refunds.create_async({"charge": charge.id})
    assert refund.status == "pending"
    assert (await client.v1.charges.retrieve_async(charge.id)).refunded
    await control.post("/clock/advance", seconds=HOUR)
    assert (await client.v1.refunds.retrieve_async(refund.id)).status == "succeeded"
    await control.post("/refunds", refund=refund.id, status="succeeded")
    assert await told(client, "refund.*") == ["refund.created", "refund.updated"]


async def test_a_refund_that_fails_later_can_be_made_again(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control
) -> None:
    charge = await a_paid_charge(client, browser, REFUND_FAILS)
    refund = await client.v1.refunds.create_async({"charge": charge.id})
    assert refund.status == "succeeded"
    await control.post("/clock/advance", seconds=HOUR)
    failed = await client.v1.refunds.retrieve_async(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    after = await client.v1.charges.retrieve_async(charge.id)
    assert (after.amount_refunded, after.refunded) == (0, False)
    assert (await told(client, "*refund*"))[-1] == "refund.failed"
    assert (await client.v1.refunds.create_async({"charge": charge.id})).amount == 2500


async def test_the_control_port_fails_a_refund_once(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control
) -> None:
    charge = await a_paid_charge(client, browser)
    refund = await client.v1.refunds.create_async({"charge": charge.id, "amount": 700})
    for _ in range(2):
        await control.post("/refunds", refund=refund.id, status="failed", failure_reason="declined")
    assert (await client.v1.refunds.retrieve_async(refund.id)).failure_reason == "declined"
    assert (await client.v1.charges.retrieve_async(charge.id)).amount_refunded == 0
    assert await told(client, "refund.failed") == ["refund.failed"]


async def test_a_refund_that_waits_for_the_customer_can_be_canceled(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control
) -> None:
    charge = await a_paid_charge(client, browser)
    refund = await client.v1.refunds.create_async({"charge": charge.id})
    await control.post("/refunds", refund=refund.id, status="requires_action")
    assert (await client.v1.refunds.cancel_async(refund.id)).status == "canceled"
    assert (await client.v1.charges.retrieve_async(charge.id)).amount_refunded == 0
