"""An account as web is told it, from our rows alone."""

import pytest

from s4_runtime import new_id
from support.billing_service import Billing, a_wish
from support.subscriber import Subscriber


async def test_an_account_is_told_with_its_plan_its_next_bill_and_what_can_be_done(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    told = await buyer.becomes(state="active")
    assert (told["plan"], told["plan_name"], told["account_id"]) == ("personal", "Personal", buyer.id)
    assert told["next"] == {"amount": 2500, "currency": "usd", "at": told["period_end"], "tax_extra": False}
    assert told["can"] == {"cancel": True, "resume": False, "change_plan": True, "pay": False}
    assert (told["cancel_at"], told["failing"], told["ended"], told["pending_plan"]) == (None, None, None, None)
    assert told["revision"] >= 1
    assert told["retention_days"] == 30


async def test_the_bills_are_told_under_names_of_ours(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    (bill,) = (await buyer.shown())["invoices"]
    assert (bill["total"], bill["amount_paid"], bill["amount_refunded"], bill["status"]) == (2500, 2500, 0, "paid")
    assert bill["number"]
    assert not bill["id"].startswith("in_")


async def test_an_account_that_only_wanted_to_buy_has_nothing(billing: Billing) -> None:
    wish = a_wish()
    await billing.open(wish)
    told = await Subscriber(billing, wish["account_id"]).shown()
    assert (told["state"], told["next"], told["invoices"]) == ("none", None, [])
    assert not any(told["can"].values())


async def test_an_account_is_shown_while_stripe_is_silent(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    await billing.double.fault("*", "503", times=50)
    assert (await buyer.shown())["state"] == "active"
    assert await buyer.call("POST", "/sync") == (503, {"code": "payment-service-unavailable"})
    await billing.double.reset_faults()


async def test_a_sync_tells_what_stripe_says_now_although_no_event_came(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    await billing.double.webhooks("drop")
    subscription = await buyer.at_stripe()
    await billing.double.call("DELETE", f"/v1/subscriptions/{subscription['id']}")
    assert (await buyer.shown())["state"] == "active"
    status, told = await buyer.call("POST", "/sync")
    assert (status, told["state"], told["ended"]["reason"]) == (200, "ended", "cancelled")


@pytest.mark.parametrize("account_id", ["x", "0199a0b2-7c1e-7000-8000-000000000001", "..%2Fplans", "%00"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("POST", "/sync", None),
        ("POST", "/portal", {"flow": "home"}),
        ("POST", "/cancel", {"when": "now", "request_id": "r"}),
        ("POST", "/resume", {"request_id": "r"}),
        ("POST", "/pay", {"request_id": "r"}),
        ("GET", "/invoices/0199a0b2-7c1e-7000-8000-000000000001/pdf", None),
    ],
)
async def test_an_unknown_account_is_404_whatever_is_asked(
    billing: Billing, account_id: str, method: str, path: str, body: object
) -> None:
    told = await billing.call(method, f"/accounts/{account_id}{path}", body)
    assert told == (404, {"code": "no-such-account"})
    assert await billing.double.objects("/v1/customers") == []


@pytest.mark.parametrize("path", ["", "/sync", "/portal", "/cancel", "/resume", "/pay", "/plan", "/plan-preview"])
@pytest.mark.parametrize("token", [None, "wrong"])
async def test_nothing_of_an_account_is_told_without_the_service_token(
    billing: Billing, path: str, token: str | None
) -> None:
    method = "POST" if path else "GET"
    told = await billing.call(method, f"/accounts/{new_id()}{path}", {}, token=token)
    assert told == (401, {"code": "service-token-required"})
