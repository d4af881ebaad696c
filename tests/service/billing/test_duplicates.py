"""Two paid tabs end as one subscription and one refund."""

import asyncio
from typing import Any

import pytest

from s4_contracts.billing import RefundIssued, SignupPaid, SubscriptionEnded
from s4_runtime import new_id
from support.billing_life import Life
from support.billing_service import EMAIL, Billing
from support.stripe_double import GOOD_CARD


async def another_tab(life: Life) -> dict[str, Any]:
    """A second way to pay for the same account, as two requests that crossed would leave it."""
    double, pool = life.billing.double, life.billing.service.pool
    checkout_id = new_id()
    sql = (
        "insert into checkout (id, account_id, plan, email, ui, locale, state, expires_at, created_at, changed_at)"
        " values ($1, $2, 'personal', $3, 'hosted', 'en', 'expired', now(), now(), now())"
    )
    await pool.execute(sql, checkout_id, life.account, EMAIL)
    (price,) = (await double.call("GET", "/v1/prices?lookup_keys[]=s4-personal-monthly-1"))["data"]
    (customer,) = await double.objects("/v1/customers")
    ours = {"account_id": life.account, "checkout_id": checkout_id, "deployment": "tests", "plan": "personal"}
    session = await double.call(
        "POST",
        "/v1/checkout/sessions",
        **{
            "mode": "subscription",
            "ui_mode": "hosted_page",
            "customer": customer["id"],
            "line_items[0][price]": price["id"],
            "line_items[0][quantity]": "1",
            "success_url": "https://s4.example.org/done",
            **{f"subscription_data[metadata][{name}]": value for name, value in ours.items()},
        },
    )
    return {**session, "checkout_id": checkout_id}


async def live(billing: Billing) -> list[dict[str, Any]]:
    found = await billing.double.objects("/v1/subscriptions?status=all")
    return [each for each in found if each["status"] == "active"]


@pytest.mark.parametrize("mode", ["normal", "duplicate", "shuffle"])
async def test_who_pays_twice_has_one_subscription_and_gets_the_rest_back(billing: Billing, mode: str) -> None:
    await billing.double.webhooks(mode)
    life = await Life.subscribed(billing)
    tab = await another_tab(life)
    await billing.double.pay(tab)
    await life.settle()
    assert len(await live(billing)) == 1
    (refund,) = await billing.double.objects("/v1/refunds")
    assert (refund["amount"], refund["reason"]) == (2500, "duplicate")
    assert sorted(await life.told()) == ["RefundIssued", "SignupPaid", "SubscriptionEnded"]
    (paid,), (issued,) = await life.events(SignupPaid), await life.events(RefundIssued)
    (ended,) = await life.events(SubscriptionEnded)
    assert paid.signup_id == life.signup
    assert issued.signup_id == ended.signup_id == tab["checkout_id"]
    assert (issued.reason, issued.amount, ended.reason) == ("duplicate", 2500, "duplicate")
    (row,) = [row for row in (await life.books()).subscriptions.values() if row.duplicate]
    assert ended.delete_after == row.ended_at
    assert (await life.row()).state == "active"


async def test_two_tabs_that_pay_while_nobody_listens_keep_the_elder(billing: Billing) -> None:
    await billing.double.webhooks("drop")
    life = Life(billing, {"account_id": new_id(), "checkout_id": new_id()})
    wish = {"plan": "personal", "email": EMAIL, "ui": "hosted", "locale": "en"}
    checkout = await billing.open({**wish, "account_id": life.account, "checkout_id": life.signup})
    tab = await another_tab(life)
    await billing.double.pay(checkout)
    await billing.double.pay(tab)
    await billing.service.sync.account(life.account)
    await life.settle()
    rows = {row.checkout_id: row for row in (await life.books()).subscriptions.values()}
    assert len(rows) == 2
    assert sorted(row.duplicate for row in rows.values()) == [False, True]
    assert len(await life.events(SignupPaid)) == 1
    assert len(await live(billing)) == 1
    assert len(await billing.double.objects("/v1/refunds")) == 1


@pytest.mark.parametrize("fault", ["503", "commit_then_timeout", "cut_body"])
@pytest.mark.parametrize("match", ["POST /v1/refunds", "DELETE /v1/subscriptions/*"])
async def test_trouble_while_cleaning_up_is_overcome_without_doing_it_twice(
    billing: Billing, match: str, fault: str
) -> None:
    life = await Life.subscribed(billing)
    tab = await another_tab(life)
    await billing.double.fault(match, fault, times=5)
    await billing.double.pay(tab)
    await life.settle()
    billing.clock.ahead += billing.settings.settle_every * 2
    await life.settle()
    assert len(await live(billing)) == 1
    assert len(await billing.double.objects("/v1/refunds")) == 1
    assert sorted(await life.told()) == ["RefundIssued", "SignupPaid", "SubscriptionEnded"]


async def test_a_refund_that_the_bank_sends_back_is_not_sent_again_by_itself(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    await billing.double.pay(await another_tab(life), GOOD_CARD)
    await life.settle()
    (refund,) = await billing.double.objects("/v1/refunds")
    await billing.double.order("/refunds", refund=refund["id"], status="failed")
    await life.settle()
    (row,) = (await life.books()).refunds.values()
    assert row.state == "failed"
    assert len(await billing.double.objects("/v1/refunds")) == 1


async def test_who_dies_between_deciding_and_doing_leaves_it_to_the_next(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    tab = await another_tab(life)
    await billing.double.webhooks("drop")
    await billing.double.pay(tab)
    await billing.double.fault("DELETE /v1/subscriptions/*", "hang", seconds=2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await billing.service.sync.account(life.account)
    assert await billing.double.objects("/v1/refunds") == []
    billing.clock.ahead += billing.settings.settle_every * 2
    await billing.service.commands.settle(billing.service.sync.account)
    assert len(await live(billing)) == 1
    assert len(await billing.double.objects("/v1/refunds")) == 1
    assert sorted(await life.told()) == ["RefundIssued", "SignupPaid", "SubscriptionEnded"]
