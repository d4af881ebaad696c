"""Nothing is sold that cannot be built, and no plan that holds less than what is stored."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from prometheus_client import REGISTRY

from s4_billing import provisioning
from s4_bus.testing import deliver
from s4_contracts import Event
from s4_runtime import new_id
from support.billing_service import Billing, a_wish
from support.room import a_measurement, a_report
from support.subscriber import Subscriber

SOLD_OUT = (409, {"code": "sold-out"})
HOUR = timedelta(hours=1)


async def hears(billing: Billing, *events: Event) -> None:
    for event in events:
        await deliver(billing.service.pool, provisioning.routes(), event)


async def is_full(billing: Billing, *plans: str, **more: Any) -> None:
    await hears(billing, a_report(billing.clock.now(), *plans, **more))


async def stores(buyer: Subscriber, stored: int) -> None:
    """The provisioner has measured so much in the buyer's grid."""
    (row,) = await buyer.billing.rows(f"select checkout_id from subscription where account_id = '{buyer.id}'")  # noqa: S608  our own id
    await hears(buyer.billing, a_measurement(buyer.billing.clock.now(), buyer.id, row["checkout_id"], stored))


async def asked(billing: Billing) -> int:
    """How many calls Stripe has had."""
    return len((await billing.double.journal())["requests"])


def counted(metric: str, plan: str) -> float:
    return REGISTRY.get_sample_value(metric, {"plan": plan}) or 0.0


async def test_a_plan_that_cannot_be_built_is_not_sold_and_stripe_is_not_asked(billing: Billing) -> None:
    await is_full(billing, "large")
    before, refused = await asked(billing), counted("billing_sold_out_total", "large")
    assert await billing.call("POST", "/checkouts", a_wish(plan="large")) == SOLD_OUT
    assert await asked(billing) == before
    assert counted("billing_sold_out_total", "large") == refused + 1
    assert await billing.rows("select 1 from checkout") == []
    await billing.open(a_wish(plan="personal"))


async def test_it_is_sold_again_as_soon_as_it_can_be_built(billing: Billing) -> None:
    wish = a_wish()
    await is_full(billing, "personal")
    assert await billing.call("POST", "/checkouts", wish) == SOLD_OUT
    await is_full(billing, "personal", can_build=True)
    await billing.open(wish)


async def test_the_report_of_the_latest_measurement_counts_in_whatever_order_they_come(billing: Billing) -> None:
    now = billing.clock.now()
    reports = [
        a_report(now - 2 * HOUR, "personal"),
        a_report(now - HOUR, "personal", can_build=True),
        a_report(now, "personal"),
    ]
    for order in permutations(reports):
        await billing.service.pool.execute("delete from capacity")
        await hears(billing, *order, *order)
        assert await billing.call("POST", "/checkouts", a_wish()) == SOLD_OUT


async def test_what_has_not_been_reported_for_three_hours_is_sold_and_counted(billing: Billing) -> None:
    await hears(billing, a_report(billing.clock.now() - timedelta(hours=2, minutes=59), "personal"))
    assert await billing.call("POST", "/checkouts", a_wish()) == SOLD_OUT
    billing.clock.ahead += timedelta(minutes=2)
    before = counted("billing_sold_unknowing_total", "personal")
    await billing.open(a_wish())
    assert counted("billing_sold_unknowing_total", "personal") == before + 1


async def test_a_plan_is_sold_while_one_of_its_pools_has_room(billing: Billing) -> None:
    await is_full(billing, "personal", pool="first")
    await is_full(billing, "personal", pool="second", can_build=True)
    await billing.open(a_wish())
    await is_full(billing, "large", pool="second")  # which serves the other plan from now on
    assert await billing.call("POST", "/checkouts", a_wish()) == SOLD_OUT


async def test_a_checkout_that_was_open_before_keeps_its_price_and_can_be_paid(billing: Billing) -> None:
    wish = a_wish()
    opened = await billing.open(wish)
    await is_full(billing, "personal", "large")
    assert await billing.open(wish) == opened
    await billing.double.pay(opened)
    assert (await billing.paid_signup()).plan == "personal"


@pytest.mark.parametrize("change", [{"ui": "embedded"}, {"email": "other@example.org"}])
async def test_an_open_checkout_may_take_another_form(billing: Billing, change: dict[str, str]) -> None:
    wish = a_wish()
    await billing.open(wish)
    await is_full(billing, "personal")
    await billing.open({**wish, **change})


async def test_wishing_for_what_is_sold_out_does_not_close_what_is_open(billing: Billing) -> None:
    wish = a_wish()
    opened = await billing.open(wish)
    await is_full(billing, "large")
    assert await billing.call("POST", "/checkouts", {**wish, "plan": "large"}) == SOLD_OUT
    assert await billing.open(wish) == opened


async def test_a_checkout_that_has_expired_is_not_opened_anew(billing: Billing) -> None:
    wish = a_wish()
    await billing.open(wish)
    await billing.double.advance(46 * 60)
    billing.clock.ahead += timedelta(minutes=46)
    await is_full(billing, "personal")
    assert await billing.call("POST", "/checkouts", wish) == SOLD_OUT


async def test_a_larger_plan_that_cannot_be_built_is_refused_before_and_after_it_was_shown(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    shown = await buyer.preview("large")
    await is_full(billing, "large")
    assert await buyer.call("POST", "/plan-preview", {"plan": "large"}) == SOLD_OUT
    assert await buyer.agree(shown) == SOLD_OUT
    assert (await buyer.synced())["plan"] == "personal"
    await is_full(billing, "large", can_build=True)
    status, told = await buyer.agree(shown)
    assert (status, told["plan"]) == (200, "large")
    await is_full(billing, "large")
    assert (await buyer.agree(shown))[0] == 200  # the same click again


async def test_a_smaller_plan_is_not_refused_for_what_may_be_otherwise_when_it_begins(billing: Billing) -> None:
    buyer = await Subscriber.of(billing, plan="large")
    await is_full(billing, "personal", "large")
    assert (await buyer.agree(await buyer.preview("personal")))[0] == 200


async def test_a_plan_that_holds_less_than_what_is_stored_is_refused_with_the_numbers(billing: Billing) -> None:
    buyer = await Subscriber.of(billing, plan="large")
    await stores(buyer, 1001)
    numbers = {"stored_bytes": 1001, "quota_bytes": 1000, "excess_bytes": 1}
    refused = (409, {"code": "does-not-fit", **numbers})
    assert await buyer.call("POST", "/plan-preview", {"plan": "personal"}) == refused
    billing.clock.ahead += timedelta(minutes=1)
    await stores(buyer, 1000)
    shown = await buyer.preview("personal")
    billing.clock.ahead += timedelta(minutes=1)
    await stores(buyer, 1001)
    assert await buyer.agree(shown) == refused
    assert (await buyer.synced())["pending_plan"] is None


async def test_the_latest_measurement_counts_in_whatever_order_they_come(billing: Billing) -> None:
    buyer = await Subscriber.of(billing, plan="large")
    (row,) = await billing.rows("select checkout_id from subscription")
    now = billing.clock.now()
    told = [a_measurement(now + hours * HOUR, buyer.id, row["checkout_id"], 4000 - 3500 * hours) for hours in (0, 1)]
    for order in permutations(told):
        await billing.service.pool.execute("delete from grid_usage")
        await hears(billing, *order, *order)
        assert (await buyer.preview("personal"))["kind"] == "downgrade"


async def test_what_is_stored_in_another_grid_is_not_counted(billing: Billing) -> None:
    buyer = await Subscriber.of(billing, plan="large")
    await hears(billing, a_measurement(billing.clock.now(), new_id(), new_id(), 4000))
    assert (await buyer.preview("personal"))["kind"] == "downgrade"
