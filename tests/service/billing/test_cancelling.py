"""Leaving, staying after all, and paying what is due: each click once, however often it arrives."""

import asyncio
from datetime import timedelta

import pytest

from s4_runtime import new_id
from s4_store import Pool
from support.billing_service import Billing
from support.stripe_failures import ONE_FAILURE
from support.subscriber import Subscriber


async def test_who_cancels_is_served_until_what_is_paid_for_is_over(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    told = await buyer.ask("/cancel", when="period_end")
    assert (told["state"], told["cancel_at"], told["next"]) == ("active", told["period_end"], None)
    assert (told["can"]["cancel"], told["can"]["resume"]) == (False, True)
    assert (await buyer.at_stripe())["cancel_at_period_end"] is True


async def test_who_stays_after_all_is_charged_again(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    await buyer.ask("/cancel", when="period_end")
    told = await buyer.ask("/resume")
    assert (told["cancel_at"], told["next"]["amount"], told["can"]["cancel"]) == (None, 2500, True)
    assert (await buyer.at_stripe())["cancel_at"] is None


async def test_what_was_cancelled_in_the_portal_can_be_taken_back_here(billing: Billing) -> None:
    """The portal sets the date, and leaves the flag alone."""
    buyer = await Subscriber.of(billing)
    subscription = await buyer.at_stripe()
    end = str(subscription["items"]["data"][0]["current_period_end"])
    await billing.double.call("POST", f"/v1/subscriptions/{subscription['id']}", cancel_at=end)
    status, told = await buyer.call("POST", "/sync")
    assert (status, told["can"]["resume"]) == (200, True)
    assert (await buyer.ask("/resume"))["cancel_at"] is None


async def test_who_cancels_now_is_not_served_any_more(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    told = await buyer.ask("/cancel", when="now")
    assert (told["state"], told["ended"]["reason"], told["next"]) == ("ended", "cancelled", None)
    assert told["ended"]["delete_after"] > told["ended"]["at"]
    assert not any(told["can"].values())
    assert (await buyer.at_stripe())["status"] == "canceled"


async def test_who_cancelled_for_later_can_still_leave_now(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    await buyer.ask("/cancel", when="period_end")
    assert (await buyer.ask("/cancel", when="now"))["state"] == "ended"


async def test_cancelling_what_has_ended_is_409(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    await buyer.ask("/cancel", when="now")
    for path, body in (
        ("/cancel", {"when": "now"}),
        ("/cancel", {"when": "period_end"}),
        ("/resume", {}),
        ("/pay", {}),
    ):
        assert await buyer.click(path, **body) == (409, {"code": "already-ended"})


async def test_cancelling_what_ended_at_stripe_unseen_is_409_and_seen_then(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    await billing.double.webhooks("drop")
    await billing.double.call("DELETE", f"/v1/subscriptions/{(await buyer.at_stripe())['id']}")
    assert await buyer.click("/cancel", when="period_end") == (409, {"code": "already-ended"})
    assert (await buyer.shown())["state"] == "ended"


async def test_staying_without_having_cancelled_is_409(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    assert await buyer.click("/resume") == (409, {"code": "not-cancelled"})


async def test_the_same_click_twice_is_one_change(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    click = new_id()
    first = await buyer.ask("/cancel", when="period_end", request_id=click)
    assert await buyer.ask("/cancel", when="period_end", request_id=click) == first
    await buyer.ask("/resume")
    replayed = await buyer.ask("/cancel", when="period_end", request_id=click)
    assert replayed["cancel_at"] is None


async def test_a_replayed_click_says_what_came_of_it_after_the_end_too(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    click = new_id()
    await buyer.ask("/cancel", when="now", request_id=click)
    assert (await buyer.ask("/cancel", when="now", request_id=click))["state"] == "ended"


async def test_five_impatient_clicks_at_once_make_one_call(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    click = new_id()
    answers = await asyncio.gather(*(buyer.click("/cancel", when="period_end", request_id=click) for _ in range(5)))
    assert {status for status, _ in answers} <= {200, 429}
    assert await billing.calls("POST", f"/v1/subscriptions/{(await buyer.at_stripe())['id']}") == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"when": "now"},
        {"when": "later", "request_id": "r"},
        {"when": "now", "request_id": ""},
        {"when": "now", "request_id": "a:b"},
        {"when": "now", "request_id": "x" * 65},
        {"when": "now", "request_id": "r", "account_id": "other"},
        {"when": ["now"], "request_id": "r"},
    ],
)
async def test_a_click_that_says_nothing_clear_is_422(billing: Billing, body: object) -> None:
    buyer = await Subscriber.of(billing)
    assert await buyer.call("POST", "/cancel", body) == (422, {"code": "malformed"})
    assert (await buyer.shown())["cancel_at"] is None


@ONE_FAILURE
async def test_one_failure_of_stripe_is_not_seen(billing: Billing, kind: str) -> None:
    buyer = await Subscriber.of(billing)
    await billing.double.fault("POST /v1/subscriptions/*", kind)
    assert (await buyer.ask("/cancel", when="period_end"))["cancel_at"]


async def test_a_wish_that_stripe_did_not_answer_is_carried_out_later(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    await billing.double.fault("POST /v1/subscriptions/*", "503", times=4)
    click = new_id()
    told = await buyer.click("/cancel", when="period_end", request_id=click)
    assert told == (503, {"code": "payment-service-unavailable"})
    await billing.double.reset_faults()
    billing.clock.ahead = timedelta(minutes=1)
    await billing.service.commands.settle()
    assert (await buyer.at_stripe())["cancel_at_period_end"] is True
    assert (await buyer.ask("/cancel", when="period_end", request_id=click))["cancel_at"]


async def test_what_was_wished_first_is_done_first(billing: Billing) -> None:
    """The cancellation hangs; who then wants to stay must not be cancelled by it afterwards."""
    buyer = await Subscriber.of(billing)
    await billing.double.fault("POST /v1/subscriptions/*", "503", times=4)
    await buyer.click("/cancel", when="period_end")
    await billing.double.reset_faults()
    assert (await buyer.ask("/resume"))["cancel_at"] is None
    billing.clock.ahead = timedelta(minutes=1)
    await billing.service.commands.settle()
    assert (await buyer.at_stripe())["cancel_at"] is None


async def test_killed_before_the_call_it_is_made_at_the_next_click(billing: Billing, database: str) -> None:
    buyer = await Subscriber.of(billing)
    click = new_id()
    await buyer.ask("/cancel", when="period_end", request_id=click)
    await buyer.ask("/resume")
    async with Pool.open(database) as pool:  # as it was when the row had been written, and nothing else
        sql = (
            "update stripe_command set state = 'pending', idempotency_key = idempotency_key || '2',"
            " params = $1 where kind = 'subscription.schedule_end'"
        )
        change = f'{{"subscription": "{(await buyer.at_stripe())["id"]}", "change": {{"cancel_at_period_end": true}}}}'
        await pool.execute(sql, change)
    assert (await buyer.ask("/cancel", when="period_end", request_id=click + "2"))["cancel_at"]
