import aiohttp
import pytest
import stripe

from devcloud.stripe.ends import Control
from devcloud.stripe.shop import DISPUTED, INQUIRED, NOT_RECEIVED, WARNED, a_paid_charge
from s4_devcloud.stripe.world import World

DAY = 24 * 3600


async def told(client: stripe.StripeClient, pattern: str) -> list[str]:
    """The types of the events that were told, oldest first."""
    return [event.type for event in reversed((await client.v1.events.list_async({"type": pattern})).data)]


async def the_dispute(client: stripe.StripeClient, charge: stripe.Charge) -> stripe.Dispute:
    (dispute,) = (await client.v1.disputes.list_async({"charge": charge.id})).data
    return dispute


@pytest.mark.parametrize(
    ("card", "reason", "status", "refundable"),
    [
        (DISPUTED, "fraudulent", "needs_response", False),
        (NOT_RECEIVED, "product_not_received", "needs_response", False),
        (INQUIRED, "general", "warning_needs_response", True),
    ],
)
async def test_the_cards_of_disputes_are_disputed_right_after_the_payment(
    client: stripe.StripeClient,
    browser: aiohttp.ClientSession,
    card: str,
    reason: str,
    status: str,
    *,
    refundable: bool,
) -> None:
    charge = await a_paid_charge(client, browser, card)
    dispute = await the_dispute(client, charge)
    assert (dispute.amount, dispute.reason, dispute.status) == (2500, reason, status)
    assert dispute.is_charge_refundable is refundable
    assert (await client.v1.charges.retrieve_async(charge.id)).disputed
    by_intent = await client.v1.disputes.list_async({"payment_intent": str(charge.payment_intent)})
    assert [row.id for row in by_intent.data] == [dispute.id]


async def test_a_dispute_takes_the_money_and_a_fee_and_forbids_a_refund(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control
) -> None:
    charge = await a_paid_charge(client, browser)
    opened = await control.post("/disputes", charge=charge.id, reason="subscription_canceled", amount=1000)
    dispute = await client.v1.disputes.retrieve_async(opened["id"], {"expand": ["charge"]})
    assert isinstance(dispute.charge, stripe.Charge)
    assert [(row.amount, row.fee, row.net) for row in dispute.balance_transactions] == [(-1000, 1500, -2500)]
    assert await told(client, "charge.dispute.*") == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.refunds.create_async({"charge": charge.id})
    assert refused.value.code == "charge_disputed"


async def test_a_won_dispute_brings_the_money_back_and_the_charge_stays_disputed(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control
) -> None:
    charge = await a_paid_charge(client, browser, DISPUTED)
    dispute = await the_dispute(client, charge)
    await control.post("/disputes/close", dispute=dispute.id, status="won")
    won = await client.v1.disputes.retrieve_async(dispute.id)
    assert (won.status, sum(row.amount for row in won.balance_transactions)) == ("won", 0)
    assert (await told(client, "charge.dispute.*"))[2:] == [
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ]
    assert (await client.v1.charges.retrieve_async(charge.id)).disputed
    assert (await client.v1.refunds.create_async({"charge": charge.id})).amount == 2500


async def test_giving_in_loses_the_dispute_once(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    dispute = await the_dispute(client, await a_paid_charge(client, browser, DISPUTED))
    assert (await client.v1.disputes.close_async(dispute.id)).status == "lost"
    assert (await told(client, "charge.dispute.*"))[2:] == ["charge.dispute.closed"]
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.disputes.close_async(dispute.id)
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.disputes.update_async(dispute.id, {"metadata": {"a": "b"}})


async def test_evidence_is_noted_first_and_sent_when_told(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control
) -> None:
    dispute = await the_dispute(client, await a_paid_charge(client, browser, DISPUTED))
    noted = await client.v1.disputes.update_async(
        dispute.id, {"evidence": {"product_description": "A grid"}, "metadata": {"a": "b"}, "submit": False}
    )
    assert (noted.status, noted.evidence_details.has_evidence) == ("needs_response", True)
    sent = await client.v1.disputes.update_async(dispute.id, {"submit": True})
    assert (sent.status, sent.evidence_details.submission_count) == ("under_review", 1)
    await control.post("/clock/advance", seconds=20 * DAY)
    assert (await client.v1.disputes.retrieve_async(dispute.id)).status == "under_review"


@pytest.mark.parametrize(("text", "verdict"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
async def test_the_words_of_stripes_test_mode_decide_a_dispute(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, text: str, verdict: str
) -> None:
    dispute = await the_dispute(client, await a_paid_charge(client, browser, DISPUTED))
    decided = await client.v1.disputes.update_async(dispute.id, {"evidence": {"uncategorized_text": text}})
    assert decided.status == verdict


async def test_a_dispute_that_nobody_answers_is_lost_by_the_clock(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control
) -> None:
    dispute = await the_dispute(client, await a_paid_charge(client, browser, DISPUTED))
    await control.post("/clock/advance", seconds=10 * DAY)
    lost = await client.v1.disputes.retrieve_async(dispute.id)
    assert (lost.status, lost.evidence_details.past_due) == ("lost", True)


async def test_a_full_refund_closes_an_inquiry(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    charge = await a_paid_charge(client, browser, INQUIRED)
    dispute = await the_dispute(client, charge)
    assert await told(client, "charge.dispute.*") == ["charge.dispute.created"]
    await client.v1.refunds.create_async({"charge": charge.id})
    assert (await client.v1.disputes.retrieve_async(dispute.id)).status == "warning_closed"


async def test_files_are_no_evidence_here(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    dispute = await the_dispute(client, await a_paid_charge(client, browser, DISPUTED))
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.disputes.update_async(dispute.id, {"evidence": {"receipt": "file_1"}})


async def test_an_early_fraud_warning_is_actionable_until_the_charge_is_refunded(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    charge = await a_paid_charge(client, browser, WARNED)
    (warning,) = (await client.v1.radar.early_fraud_warnings.list_async({"charge": charge.id})).data
    assert (warning.actionable, warning.payment_intent) == (True, charge.payment_intent)
    await client.v1.refunds.create_async({"charge": charge.id, "amount": 1})
    assert (await client.v1.radar.early_fraud_warnings.retrieve_async(warning.id)).actionable
    await client.v1.refunds.create_async({"charge": charge.id})
    after = await client.v1.radar.early_fraud_warnings.retrieve_async(warning.id, {"expand": ["charge"]})
    assert after.actionable is False
    told_of = ["radar.early_fraud_warning.created", "radar.early_fraud_warning.updated"]
    assert await told(client, "radar.*") == told_of


async def test_a_dispute_leaves_nothing_to_do_about_a_warning(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control
) -> None:
    charge = await a_paid_charge(client, browser)
    warning = await control.post("/fraud-warnings", charge=charge.id, fraud_type="made_with_stolen_card")
    assert warning["actionable"]
    await control.post("/disputes", payment_intent=charge.payment_intent)
    intent = str(charge.payment_intent)
    (after,) = (await client.v1.radar.early_fraud_warnings.list_async({"payment_intent": intent})).data
    assert (after.actionable, after.fraud_type) == (False, "made_with_stolen_card")


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("/disputes", {"charge": "ch_none"}),
        ("/disputes", {}),
        ("/disputes/close", {"dispute": "du_none", "status": "won"}),
        ("/disputes/close", {"dispute": "du_none", "status": "drawn"}),
        ("/fraud-warnings", {"charge": "ch_none"}),
        ("/refunds", {"refund": "re_none", "status": "failed"}),
        ("/refunds", {"refund": "re_none", "status": "lost"}),
    ],
)
async def test_orders_about_what_does_not_exist_are_explained(
    world: World, browser: aiohttp.ClientSession, path: str, order: dict[str, str]
) -> None:
    async with browser.post(f"http://{world.settings.control}{path}", json=order) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]


async def test_the_bank_decides_only_what_is_open_and_in_its_own_words(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control, world: World
) -> None:
    charge = await a_paid_charge(client, browser)
    lost = (await control.post("/disputes", charge=charge.id))["id"]
    await control.post("/disputes/close", dispute=lost, status="lost")
    asked = (await control.post("/disputes", charge=charge.id, inquiry=True))["id"]
    for dispute, status in ((lost, "won"), (asked, "won")):
        order = {"dispute": dispute, "status": status}
        async with browser.post(f"http://{world.settings.control}/disputes/close", json=order) as answer:
            assert answer.status == 400
    await control.post("/disputes/close", dispute=asked, status="warning_closed")
    too_much = {"charge": charge.id, "amount": 2501}
    async with browser.post(f"http://{world.settings.control}/disputes", json=too_much) as answer:
        assert answer.status == 400
