"""Another plan: what is shown is what is charged, and what is not paid for has not happened."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from s4_runtime import new_id
from support.billing_service import Billing
from support.stripe_failures import ONE_FAILURE
from support.subscriber import Subscriber

SUBSCRIPTION = "POST /v1/subscriptions/*"


async def prices(buyer: Subscriber) -> list[str]:
    return [item["price"]["lookup_key"] for item in (await buyer.at_stripe())["items"]["data"]]


async def test_a_larger_plan_costs_what_was_shown_to_the_cent(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    await buyer.later(days=10)
    shown = await buyer.preview("large")
    assert (shown["kind"], shown["plan"], shown["currency"], shown["next_amount"]) == ("upgrade", "large", "usd", 9900)
    assert 0 < shown["amount_now"] < 9900 - 2500
    assert sum(line["amount"] for line in shown["lines"]) == shown["amount_now"]
    await buyer.later(minutes=7)  # the person reads and hesitates; what was shown holds
    status, told = await buyer.agree(shown)
    assert (status, told["plan"], told["plan_name"], told["next"]["amount"]) == (200, "large", "Large", 9900)
    assert told["next"]["at"] == shown["next_at"]
    (bill,) = [each for each in told["invoices"] if each["total"] != 2500]
    assert (bill["amount_paid"], bill["status"]) == (shown["amount_now"], "paid")


async def test_a_smaller_plan_costs_nothing_now_and_holds_from_the_next_period(billing: Billing) -> None:
    buyer = await Subscriber.of(billing, plan="large")
    shown = await buyer.preview("personal")
    assert (shown["kind"], shown["amount_now"], shown["lines"], shown["next_amount"]) == ("downgrade", 0, [], 2500)
    assert shown["at"] == shown["next_at"]
    status, told = await buyer.agree(shown)
    assert (status, told["plan"], told["next"]["amount"]) == (200, "large", 2500)
    assert told["pending_plan"] == {"plan": "personal", "name": "Personal", "at": shown["at"]}
    await buyer.later(days=32)
    told = await buyer.shown()
    assert (told["plan"], told["pending_plan"]) == ("personal", None)
    assert [bill["total"] for bill in told["invoices"]] == [2500, 9900]


async def test_the_same_consent_twice_is_one_change_and_one_bill(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    shown = await buyer.preview("large")
    answers = await asyncio.gather(*(buyer.agree(shown) for _ in range(4)))
    assert {status for status, _ in answers} <= {200, 429}
    status, told = await buyer.agree(shown)
    assert (status, told["plan"], len(told["invoices"])) == (200, "large", 2)


async def test_two_tabs_with_a_preview_each_lead_to_one_change(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    first, second = await buyer.preview("large"), await buyer.preview("large")
    assert (await buyer.agree(second))[0] == 200
    assert await buyer.agree(first) == (409, {"code": "preview-stale"})
    assert len((await buyer.shown())["invoices"]) == 2


async def test_two_tabs_at_once_lead_to_one_change(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    shown = [await buyer.preview("large") for _ in range(3)]
    answers = await asyncio.gather(*(buyer.agree(each) for each in shown))
    assert sorted(status for status, _ in answers) == [200, 409, 409]
    assert len((await buyer.becomes(plan="large"))["invoices"]) == 2


async def test_what_was_shown_too_long_ago_is_stale(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    shown = await buyer.preview("large")
    billing.clock.ahead += timedelta(minutes=16)
    assert await buyer.agree(shown) == (409, {"code": "preview-stale"})
    assert await prices(buyer) == ["s4-personal-monthly-1"]


async def test_what_was_shown_before_something_else_changed_is_stale(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    shown = await buyer.preview("large")
    await buyer.ask("/cancel", when="period_end")
    assert await buyer.agree(shown) == (409, {"code": "preview-stale"})


async def test_what_was_shown_to_another_is_stale(billing: Billing) -> None:
    buyer, other = await Subscriber.of(billing), await Subscriber.of(billing)
    shown = await buyer.preview("large")
    assert await other.agree(shown) == (409, {"code": "preview-stale"})
    for made_up in (new_id(), "x", "", "%00"):
        assert await other.agree({"preview_id": made_up}) == (409, {"code": "preview-stale"})
    assert await prices(other) == ["s4-personal-monthly-1"]


async def test_the_same_plan_is_409_also_when_another_tab_was_faster(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    assert await buyer.call("POST", "/plan-preview", {"plan": "personal"}) == (409, {"code": "same-plan"})
    await billing.double.webhooks("drop")
    await buyer.agree(await buyer.preview("large"))
    assert await buyer.call("POST", "/plan-preview", {"plan": "large"}) == (409, {"code": "same-plan"})


async def test_another_change_while_one_is_pending_is_409(billing: Billing) -> None:
    buyer = await Subscriber.of(billing, plan="large")
    await buyer.agree(await buyer.preview("personal"))
    for plan in ("large", "personal"):
        assert await buyer.call("POST", "/plan-preview", {"plan": plan}) == (409, {"code": "change-pending"})


async def test_who_is_leaving_cannot_change_before_staying_after_all(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    told = await buyer.ask("/cancel", when="period_end")
    assert told["can"]["change_plan"] is False
    assert await buyer.call("POST", "/plan-preview", {"plan": "large"}) == (409, {"code": "cancellation-scheduled"})
    await buyer.ask("/resume")
    assert (await buyer.agree(await buyer.preview("large")))[0] == 200


async def test_what_nobody_agreed_to_is_forgotten_after_a_day(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    await buyer.preview("large")
    await buyer.later(hours=25)
    shown = await buyer.preview("large")
    assert [row["id"] for row in await billing.rows("select id from plan_preview")] == [shown["preview_id"]]


async def test_who_has_left_or_owes_cannot_change(billing: Billing) -> None:
    buyer, left = await Subscriber.of(billing), await Subscriber.of(billing)
    await left.ask("/cancel", when="now")
    assert await left.call("POST", "/plan-preview", {"plan": "large"}) == (409, {"code": "already-ended"})
    await buyer.bank("generic_decline")
    await buyer.later(days=32)
    assert (await buyer.shown())["state"] == "past_due"
    assert await buyer.call("POST", "/plan-preview", {"plan": "large"}) == (409, {"code": "payment-overdue"})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"plan": "huge"}, "unknown-plan"),
        ({"plan": ""}, "unknown-plan"),
        ({"plan": "large", "amount": 1}, "malformed"),
        ({"plan": ["large"]}, "malformed"),
        ({}, "malformed"),
    ],
)
async def test_a_plan_that_is_not_sold_is_422(billing: Billing, body: object, code: str) -> None:
    buyer = await Subscriber.of(billing)
    assert await buyer.call("POST", "/plan-preview", body) == (422, {"code": code})


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [("generic_decline", "declined"), ("insufficient_funds", "funds"), ("expired_card", "expired")],
)
async def test_what_the_bank_refuses_has_not_happened(billing: Billing, behaviour: str, reason: str) -> None:
    buyer = await Subscriber.of(billing)
    await buyer.later(days=3)
    shown = await buyer.preview("large")
    await buyer.bank(behaviour)
    refused = (402, {"code": "card-declined", "reason": reason, "url": None})
    assert await buyer.agree(shown) == refused
    assert await buyer.agree(shown) == refused
    assert await prices(buyer) == ["s4-personal-monthly-1"]
    assert (await buyer.at_stripe())["pending_update"] is None
    told = await buyer.shown()
    assert (told["plan"], told["state"], told["failing"]) == ("personal", "active", None)
    await buyer.bank("ok")
    assert (await buyer.agree(await buyer.preview("large")))[0] == 200


async def test_who_must_confirm_is_led_to_the_bill_and_has_the_plan_then(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    await buyer.later(days=3)
    await buyer.bank("always_authenticate")
    status, told = await buyer.agree(await buyer.preview("large"))
    assert (status, told["reason"]) == (402, "confirm")
    assert told["url"].startswith("http")
    assert await buyer.call("POST", "/plan-preview", {"plan": "large"}) == (409, {"code": "change-pending"})
    assert (await buyer.shown())["state"] == "active"
    await buyer.bank("ok")
    (bill,) = await billing.double.objects("/v1/invoices?status=open")
    await billing.double.call("POST", f"/v1/invoices/{bill['id']}/pay")
    assert (await buyer.synced())["plan"] == "large"


@ONE_FAILURE
async def test_one_failure_of_stripe_is_not_seen_and_not_paid_twice(billing: Billing, kind: str) -> None:
    buyer = await Subscriber.of(billing)
    shown = await buyer.preview("large")
    await billing.double.fault(SUBSCRIPTION, kind)
    status, told = await buyer.agree(shown)
    assert (status, told["plan"], len(told["invoices"])) == (200, "large", 2)


async def test_a_change_that_stripe_did_not_answer_is_made_later_and_once(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    shown = await buyer.preview("large")
    await billing.double.fault(SUBSCRIPTION, "503", times=4)
    assert await buyer.agree(shown) == (503, {"code": "payment-service-unavailable"})
    await billing.double.reset_faults()
    billing.clock.ahead += timedelta(minutes=20)
    await billing.service.commands.settle()
    told = await buyer.synced()
    assert told["plan"] == "large"
    assert told["invoices"][0]["amount_paid"] == shown["amount_now"]
    assert (await buyer.agree(shown))[0] == 200


async def test_a_change_that_hung_for_a_day_is_not_made_any_more(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    shown = await buyer.preview("large")
    await billing.double.fault(SUBSCRIPTION, "503", times=4)
    await buyer.agree(shown)
    await billing.double.reset_faults()
    billing.clock.ahead += timedelta(hours=25)
    await billing.service.commands.settle()
    assert await prices(buyer) == ["s4-personal-monthly-1"]
    assert (await buyer.agree(shown)) == (409, {"code": "preview-stale"})


async def test_silence_while_previewing_is_503(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    await billing.double.fault("POST /v1/invoices/create_preview", "503", times=4)
    told = await buyer.call("POST", "/plan-preview", {"plan": "large"})
    assert told == (503, {"code": "payment-service-unavailable"})


async def test_nothing_is_changed_while_the_plans_differ_from_stripe(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    (price,) = await billing.double.objects("/v1/prices?lookup_keys[]=s4-large-monthly-1")
    await billing.double.call("POST", f"/v1/prices/{price['id']}", active="false")
    await billing.service.catalogue.check()
    assert await buyer.call("POST", "/plan-preview", {"plan": "large"}) == (503, {"code": "signup-closed"})


def of(bills: list[dict[str, Any]], status: str) -> list[int]:
    return [bill["total"] for bill in bills if bill["status"] == status]


async def test_a_change_of_plan_survives_the_next_renewal(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    await buyer.agree(await buyer.preview("large"))
    await buyer.later(days=32)
    told = await buyer.shown()
    assert (told["plan"], told["state"]) == ("large", "active")
    assert of(told["invoices"], "paid")[0] == 9900
