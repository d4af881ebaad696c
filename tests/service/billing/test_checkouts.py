"""Opening checkouts: asked twice, changed, abandoned, and with a Stripe that fails or a service that dies."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from s4_billing.commands import KEY_LIFE
from s4_contracts.billing import SignupPaid
from s4_shop.ports import free_port
from s4_stripe.errors import StripeRejected
from support.billing_service import Billing, a_wish, same
from support.waiting import until

CUSTOMERS = ("POST", "/v1/customers")
SESSIONS = ("POST", "/v1/checkout/sessions")


async def made(billing: Billing) -> tuple[int, int]:
    """How many customers and sessions there are at Stripe."""
    customers = await billing.double.objects("/v1/customers")
    sessions = await billing.double.objects("/v1/checkout/sessions")
    return len(customers), len(sessions)


async def open_sessions(billing: Billing) -> list[dict[str, Any]]:
    return [each for each in await billing.double.objects("/v1/checkout/sessions") if each["status"] == "open"]


async def test_the_session_at_stripe_says_what_it_is_for(billing: Billing) -> None:
    wish = a_wish()
    await billing.open(wish)
    (session,) = await open_sessions(billing)
    assert session["client_reference_id"] == wish["checkout_id"]
    assert session["metadata"]["account_id"] == wish["account_id"]
    assert session["metadata"]["deployment"] == "tests"
    assert session["amount_total"] == 2500
    assert session["success_url"] == "https://s4.example.org/signup/return?session_id={CHECKOUT_SESSION_ID}"
    assert session["cancel_url"] == "https://s4.example.org/signup/cancelled"


async def test_asking_again_gives_the_same_session(billing: Billing) -> None:
    wish = a_wish()
    first = await billing.open(wish)
    assert await billing.open(wish) == first
    assert await made(billing) == (1, 1)


async def test_two_identical_wishes_at_once_make_one_of_everything(billing: Billing) -> None:
    wish = a_wish()
    answers = await asyncio.gather(*(billing.open(wish) for _ in range(5)))
    assert len({answer["url"] for answer in answers}) == 1
    assert await made(billing) == (1, 1)
    commands = await billing.rows("select kind, state from stripe_command order by kind")
    assert commands == [{"kind": "customer.create", "state": "ok"}, {"kind": "session.create", "state": "ok"}]


async def test_two_tabs_with_checkouts_of_their_own_leave_one_that_can_be_paid(billing: Billing) -> None:
    first, second = a_wish(), a_wish()
    second["account_id"] = first["account_id"]
    await billing.open(first)
    answer = await billing.open(second)
    (left,) = await open_sessions(billing)
    assert left["url"] == answer["url"]
    assert (await billing.sync(first["checkout_id"]))["state"] == "expired"
    assert (await made(billing))[0] == 1


async def test_opposite_tabs_at_once_still_leave_one(billing: Billing) -> None:
    first, second = a_wish(), a_wish(plan="large")
    second["account_id"] = first["account_id"]
    calls = [billing.call("POST", "/checkouts", wish) for wish in (first, second, first, second)]
    statuses = {status for status, _ in await asyncio.gather(*calls)}
    assert statuses <= {200, 429}
    assert len(await open_sessions(billing)) <= 1
    assert (await made(billing))[0] == 1


@pytest.mark.parametrize("change", [{"plan": "large"}, {"email": "other@example.org"}, {"ui": "embedded"}])
async def test_a_changed_wish_closes_the_session_before(billing: Billing, change: dict[str, str]) -> None:
    wish = a_wish()
    await billing.open(wish)
    changed = await billing.open({**wish, **change})
    (left,) = await open_sessions(billing)
    assert left["url"] == changed["url"]
    assert left["amount_total"] == (9900 if change.get("plan") == "large" else 2500)
    (customer,) = await billing.double.objects("/v1/customers")
    assert customer["email"] == change.get("email", wish["email"])
    assert await made(billing) == (1, 2)


async def test_another_language_alone_keeps_the_session(billing: Billing) -> None:
    wish = a_wish()
    first = await billing.open(wish)
    assert await billing.open({**wish, "locale": "de"}) == first


async def test_an_unknown_language_leaves_the_choice_to_the_browser(billing: Billing) -> None:
    await billing.open(a_wish(locale="klingon"))
    (session,) = await open_sessions(billing)
    assert session["locale"] == "auto"


async def test_a_checkout_of_another_account_cannot_be_taken(billing: Billing) -> None:
    wish = a_wish()
    await billing.open(wish)
    stolen = a_wish(checkout_id=wish["checkout_id"])
    assert await billing.call("POST", "/checkouts", stolen) == (422, {"code": "checkout-of-another-account"})


async def test_an_abandoned_checkout_expires_and_can_be_opened_again(billing: Billing) -> None:
    wish = a_wish()
    first = await billing.open(wish)
    await billing.double.advance(46 * 60)
    assert (await billing.sync(wish["checkout_id"]))["state"] == "expired"
    billing.clock.ahead = timedelta(minutes=46)
    again = await billing.open(wish)
    assert again["url"] != first["url"]
    assert await made(billing) == (1, 2)
    other = await billing.open(a_wish(account_id=wish["account_id"]))
    assert other["state"] == "open"


async def test_reconciliation_notices_what_nobody_reported_as_expired(billing: Billing) -> None:
    await billing.double.webhooks("drop")
    wish = a_wish()
    await billing.open(wish)
    await billing.double.advance(46 * 60)
    billing.clock.ahead = timedelta(minutes=46)
    await billing.service.reconciler.turn()
    (checkout,) = await billing.rows("select state from checkout")
    assert checkout["state"] == "expired"


@pytest.mark.parametrize("kind", ["500", "503", "429", "drop", "html", "commit_then_timeout"])
@pytest.mark.parametrize("route", [CUSTOMERS, SESSIONS])
async def test_one_failure_of_stripe_is_not_seen_by_the_person(
    billing: Billing, kind: str, route: tuple[str, str]
) -> None:
    await billing.double.fault(" ".join(route), kind, seconds=2)
    answer = await billing.open(a_wish())
    (left,) = await open_sessions(billing)
    assert left["url"] == answer["url"]
    customers, sessions = await made(billing)
    assert sessions == 1
    assert customers == 1


@pytest.mark.parametrize("kind", ["503", "drop", "html"])
async def test_a_stripe_that_stays_down_is_a_503_and_later_one_session(billing: Billing, kind: str) -> None:
    wish = a_wish()
    await billing.double.fault("POST *", kind, times=4)
    assert await billing.call("POST", "/checkouts", wish) == (503, {"code": "payment-service-unavailable"})
    answer = await billing.open(wish)
    assert answer["state"] == "open"
    assert await made(billing) == (1, 1)


async def test_a_stripe_that_asks_to_wait_is_a_429(billing: Billing) -> None:
    await billing.double.fault("POST *", "429", times=4)
    assert await billing.call("POST", "/checkouts", a_wish()) == (429, {"code": "payment-service-busy"})


async def test_a_stripe_that_hangs_is_a_503_when_the_person_would_give_up(billing: Billing) -> None:
    await billing.double.fault("POST /v1/customers", "hang", times=8, seconds=3)
    assert await billing.call("POST", "/checkouts", a_wish()) == (503, {"code": "payment-service-unavailable"})


async def killed_while_stripe_works(billing: Billing, route: tuple[str, str], wish: dict[str, Any]) -> None:
    """A replica has asked Stripe, Stripe has done it, and the replica is gone before it heard."""
    patient = {"stripe_timeout": timedelta(seconds=20), "person_patience": timedelta(seconds=20)}
    beside = same(billing.settings, listen=f"127.0.0.1:{free_port()}", **patient)
    await billing.double.fault(" ".join(route), "commit_then_timeout", seconds=1)
    before = await made(billing)
    async with Billing.running(beside, billing.double, converging=False) as replica:
        asked = asyncio.create_task(replica.call("POST", "/checkouts", wish))

        async def has_acted() -> bool:
            return await made(billing) != before

        await until(has_acted, within=5, what="Stripe has acted")
        asked.cancel()
    with suppress(asyncio.CancelledError, aiohttp.ClientError):
        await asked
    pending = await billing.rows("select idempotency_key from stripe_command where state = 'pending'")
    assert len(pending) == 1


@pytest.mark.parametrize("route", [CUSTOMERS, SESSIONS])
async def test_killed_between_the_call_and_its_answer_leaves_one_of_everything(
    billing: Billing, route: tuple[str, str]
) -> None:
    wish = a_wish()
    await killed_while_stripe_works(billing, route, wish)
    answer = await billing.open(wish)
    (left,) = await open_sessions(billing)
    assert left["url"] == answer["url"]
    assert await made(billing) == (1, 1)


async def test_what_a_killed_replica_has_begun_is_settled_without_the_person(billing: Billing) -> None:
    wish = a_wish()
    await killed_while_stripe_works(billing, SESSIONS, wish)
    billing.clock.ahead = timedelta(minutes=1)
    await billing.service.commands.settle()
    (left,) = await open_sessions(billing)
    (row,) = await billing.rows("select stripe_session_id from checkout")
    assert row["stripe_session_id"] == left["id"]
    assert await billing.rows("select 1 from stripe_command where params is not null") == []


@pytest.mark.parametrize("route", [CUSTOMERS, SESSIONS])
async def test_a_key_too_old_to_be_used_is_looked_up_instead(billing: Billing, route: tuple[str, str]) -> None:
    wish = a_wish()
    await killed_while_stripe_works(billing, route, wish)
    before = await made(billing)
    billing.clock.ahead = KEY_LIFE + timedelta(hours=2)
    await billing.double.advance(int(billing.clock.ahead.total_seconds()))
    await billing.service.commands.settle()
    assert await made(billing) == before
    assert await billing.rows("select 1 from stripe_command where state <> 'ok'") == []


async def test_a_person_who_pays_though_our_row_lost_the_session_is_found(billing: Billing) -> None:
    """The customer's subscriptions are what counts, not our notes of sessions."""
    wish = a_wish()
    checkout = await billing.open(wish)
    await billing.service.pool.execute("update checkout set state = 'expired', stripe_session_id = null")
    await billing.double.pay(checkout)
    assert (await billing.paid_signup()).signup_id == wish["checkout_id"]
    assert (await billing.sync(wish["checkout_id"]))["state"] == "paid"


async def test_a_customer_that_was_never_recorded_is_adopted_when_its_event_comes(billing: Billing) -> None:
    checkout = await billing.open(a_wish())
    await billing.service.pool.execute("update billing_customer set stripe_customer_id = null")
    await billing.double.pay(checkout)
    await billing.paid_signup()


async def test_a_session_that_was_never_made_is_forgotten_when_its_time_is_over(billing: Billing) -> None:
    wish = a_wish()
    await billing.double.fault("POST /v1/checkout/sessions", "drop", times=4)
    await billing.call("POST", "/checkouts", wish)
    billing.clock.ahead = timedelta(minutes=46)
    await billing.double.advance(46 * 60)
    with suppress(StripeRejected):
        await billing.service.commands.settle()
    await billing.service.reconciler.turn()
    assert (await billing.sync(wish["checkout_id"]))["state"] == "expired"
    assert (await billing.open(wish))["state"] == "open"


async def test_a_subscription_that_stripe_does_not_have_any_more_has_ended(billing: Billing) -> None:
    wish = a_wish()
    await billing.double.pay(await billing.open(wish))
    await billing.paid_signup()
    await billing.quiet()
    lost = "update subscription set stripe_subscription_id = 'sub_deleted', id = gen_random_uuid()"
    await billing.service.pool.execute(lost)
    await billing.service.sync.account(wish["account_id"])
    rows = await billing.rows("select state, stripe_status from subscription")
    assert {"state": "ended", "stripe_status": "(gone)"} in rows
    assert len([event for event in await billing.events() if isinstance(event, SignupPaid)]) == 1
