"""From an open checkout to SignupPaid, and all the ways in which people and deliveries go astray."""

import pytest

from s4_contracts.billing import SignupPaid
from s4_shop.ports import free_port
from support.billing_service import EMAIL, Billing, a_wish, same
from support.stripe_double import DECLINED_CARD
from support.waiting import until


@pytest.mark.parametrize("ui", ["hosted", "embedded"])
async def test_paying_makes_one_signup_paid(billing: Billing, ui: str) -> None:
    wish = a_wish(ui=ui, email="Buyer@EXAMPLE.org")
    checkout = await billing.open(wish)
    assert bool(checkout["url"]) is (ui == "hosted")
    assert bool(checkout["client_secret"]) is (ui == "embedded")
    await billing.double.pay(checkout)
    event = await billing.paid_signup()
    assert (event.account_id, event.signup_id) == (wish["account_id"], wish["checkout_id"])
    assert (event.plan, event.email) == ("personal", "Buyer@example.org")
    assert event.period_end is not None
    told = await billing.sync(wish["checkout_id"])
    assert told == {"state": "paid", "plan": "personal", "subscription_id": event.subscription_id}
    await billing.quiet()
    assert len(await billing.events()) == 1
    assert (await billing.double.state())["unimplemented_total"] == 0


async def test_a_declined_card_is_no_signup_and_the_next_card_is_one(billing: Billing) -> None:
    wish = a_wish()
    checkout = await billing.open(wish)
    page = await billing.double.pay(checkout, DECLINED_CARD)
    assert "declined" in page
    assert (await billing.sync(wish["checkout_id"]))["state"] == "open"
    assert await billing.events() == []
    await billing.double.pay(checkout)
    await billing.paid_signup()
    await billing.quiet()
    assert len(await billing.events()) == 1


@pytest.mark.parametrize("mode", ["duplicate", "shuffle"])
async def test_deliveries_twice_or_in_any_order_make_one_signup(billing: Billing, mode: str) -> None:
    await billing.double.webhooks(mode)
    await billing.double.pay(await billing.open(a_wish()))
    await billing.paid_signup()
    await billing.quiet()
    assert len(await billing.events()) == 1
    states = await billing.rows("select distinct state from stripe_event")
    assert {row["state"] for row in states} <= {"done", "ignored"}


async def test_events_in_reverse_order_and_again_later_change_nothing(billing: Billing) -> None:
    await billing.double.webhooks("hold")
    await billing.double.pay(await billing.open(a_wish()))
    released = (await billing.double.order("/webhooks/release", order="lifo"))["released"]
    await billing.paid_signup()
    await billing.quiet()
    before = await billing.rows("select * from subscription")
    await billing.double.order("/webhooks/release", order=[*released, *released])
    await billing.quiet()
    assert await billing.rows("select * from subscription") == before
    assert len(await billing.events()) == 1


async def test_without_any_webhook_the_person_who_returns_is_enough(billing: Billing) -> None:
    await billing.double.webhooks("drop")
    wish = a_wish()
    await billing.double.pay(await billing.open(wish))
    assert (await billing.sync(wish["checkout_id"]))["state"] == "paid"
    assert [type(event) for event in await billing.events()] == [SignupPaid]


async def test_without_webhook_and_person_reconciliation_finds_the_payment(billing: Billing) -> None:
    await billing.double.webhooks("drop")
    await billing.double.pay(await billing.open(a_wish()))
    await billing.service.reconciler.turn()
    await billing.paid_signup()
    (run,) = await billing.rows("select * from reconcile_run")
    assert run["events_missing"] > 0
    await billing.service.reconciler.turn()
    assert len(await billing.rows("select * from reconcile_run")) == 1  # the interval is not over


async def test_coming_back_while_webhooks_arrive_makes_one_signup(billing: Billing) -> None:
    wish = a_wish()
    await billing.double.pay(await billing.open(wish))
    for _ in range(5):
        await billing.sync(wish["checkout_id"])
    await billing.quiet()
    assert len(await billing.events()) == 1


async def test_who_has_paid_is_not_asked_again(billing: Billing) -> None:
    wish = a_wish()
    await billing.double.pay(await billing.open(wish))
    await billing.paid_signup()
    again = a_wish(account_id=wish["account_id"])
    for asked in (wish, again):
        assert await billing.call("POST", "/checkouts", asked) == (409, {"code": "already-paid"})
    assert await billing.calls("POST", "/v1/checkout/sessions") == 1


async def test_who_paid_in_another_tab_is_told_so_even_when_no_webhook_came(billing: Billing) -> None:
    await billing.double.webhooks("drop")
    wish = a_wish()
    await billing.double.pay(await billing.open(wish))
    assert await billing.call("POST", "/checkouts", wish) == (409, {"code": "already-paid"})
    await billing.paid_signup()


async def test_paying_while_another_plan_is_chosen_is_a_payment_for_the_first(billing: Billing) -> None:
    await billing.double.webhooks("drop")
    wish = a_wish()
    await billing.double.pay(await billing.open(wish))
    assert await billing.call("POST", "/checkouts", {**wish, "plan": "large"}) == (409, {"code": "already-paid"})
    paid = await billing.paid_signup()
    assert (paid.plan, paid.quota_bytes) == ("personal", 1000)


async def test_a_replica_beside_makes_no_second_signup(billing: Billing) -> None:
    beside = same(billing.settings, listen=f"127.0.0.1:{free_port()}")
    async with Billing.running(beside, billing.double) as second:
        wish = a_wish()
        await billing.double.pay(await second.open(wish))
        await second.sync(wish["checkout_id"])
        await billing.quiet()
        assert len(await billing.events()) == 1


async def test_an_unpaid_checkout_emits_nothing_and_keeps_its_address(billing: Billing) -> None:
    wish = a_wish()
    await billing.open(wish)
    assert await billing.sync(wish["checkout_id"]) == {"state": "open", "plan": "personal", "subscription_id": None}
    (row,) = await billing.rows("select email from checkout")
    assert row["email"] == EMAIL
    assert await billing.events() == []


async def test_the_worker_wakes_at_once(billing: Billing) -> None:
    await billing.double.pay(await billing.open(a_wish()))
    await until(billing.events, within=1.5, what="SignupPaid without waiting for the poll")
