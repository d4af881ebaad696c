"""The loops: trouble with one customer, trouble that lasts, replicas that take over, and what the provisioner tells."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY

from s4_billing import inbox, provisioning
from s4_billing.converge import every
from s4_bus.testing import deliver
from s4_contracts.ids import AccountId, GridId, SignupId
from s4_contracts.provisioner import ProvisioningFailed
from s4_runtime import SystemClock, Temporary, new_id
from s4_runtime.testing import ManualClock
from s4_shop.ports import free_port
from s4_stripe.facts import Occurrence
from support.billing_service import Billing, a_wish, same
from support.waiting import until


async def put_event(billing: Billing, customer: str, **changes: Any) -> str:
    """An event of a customer, in the inbox."""
    event = Occurrence(
        id=f"evt_{new_id()}",
        type="customer.subscription.updated",
        created=1_800_000_000,
        livemode=False,
        object_type="subscription",
        object_id="sub_1",
        customer=customer,
    )
    event = msgspec.structs.replace(event, **changes)
    async with billing.service.pool.transaction() as tx:
        assert await inbox.receive(tx, event, billing.clock.now(), ours=True)
    return event.id


async def state_of(billing: Billing, event_id: str) -> dict[str, Any]:
    (row,) = await billing.rows(f"select state, error, attempts, due_at from stripe_event where id = '{event_id}'")  # noqa: S608  our own id
    return row


async def a_customer(billing: Billing) -> str:
    await billing.open(a_wish(account_id=new_id()))
    return str((await billing.double.objects("/v1/customers"))[0]["id"])


async def test_trouble_is_tried_again_later_and_then_done(billing: Billing) -> None:
    customer = await a_customer(billing)
    await billing.double.fault("GET /v1/subscriptions", "503", times=4)
    event_id = await put_event(billing, customer)

    async def has_failed() -> bool:
        return bool((await state_of(billing, event_id))["error"] == "payment-service-unavailable")

    await until(has_failed, within=8, what="the first try has failed")
    billing.clock.ahead = timedelta(minutes=1)
    await billing.quiet()
    assert (await state_of(billing, event_id))["state"] == "done"


async def test_one_customers_trouble_does_not_hold_up_another(billing: Billing) -> None:
    first, second = await a_customer(billing), await a_customer(billing)
    await billing.service.pool.execute(
        "update billing_customer set stripe_customer_id = $1 where stripe_customer_id = $2", f"{first}\x01", first
    )
    stuck, fine = await put_event(billing, f"{first}\x01"), await put_event(billing, second)

    async def is_done() -> bool:
        return bool((await state_of(billing, fine))["state"] == "done")

    await until(is_done, within=8, what="the other customer's event is done")
    assert (await state_of(billing, stuck))["state"] in {"new", "done"}


async def test_trouble_that_lasts_a_day_is_dead_and_counted(billing: Billing) -> None:
    customer = await a_customer(billing)
    before = REGISTRY.get_sample_value("billing_events_dead_total") or 0
    await billing.double.fault("GET /v1/subscriptions", "503", times=100)
    event_id = await put_event(billing, customer)
    billing.clock.ahead = inbox.GIVE_UP_AFTER + timedelta(minutes=1)

    async def is_dead() -> bool:
        return bool((await state_of(billing, event_id))["state"] == "dead")

    await until(is_dead, within=15, what="the event is dead")
    assert (await state_of(billing, event_id))["due_at"] is None
    assert REGISTRY.get_sample_value("billing_events_dead_total") == before + 1


async def test_events_that_a_killed_replica_held_are_taken_over(billing: Billing) -> None:
    beside = same(billing.settings, listen=f"127.0.0.1:{free_port()}")
    await billing.double.webhooks("hold")
    await billing.double.pay(await billing.open(a_wish()))
    async with Billing.running(beside, billing.double, converging=False) as dead:
        customer = str((await billing.double.objects("/v1/customers"))[0]["id"])
        dead.clock.ahead = -inbox.LEASE
        event_id = await put_event(dead, customer)
        await inbox.claim(dead.service.pool, 10, dead.clock.now())
    await billing.paid_signup()
    assert (await state_of(billing, event_id))["state"] == "done"


async def test_many_events_of_one_customer_need_few_looks(billing: Billing) -> None:
    customer = await a_customer(billing)
    before = await billing.calls("GET", "/v1/subscriptions")
    for _ in range(30):
        await put_event(billing, customer)
    await billing.quiet()
    assert await billing.calls("GET", "/v1/subscriptions") - before < 30


async def test_two_looks_that_cross_end_with_the_later_one(billing: Billing) -> None:
    wish = a_wish()
    await billing.double.webhooks("drop")
    await billing.double.pay(await billing.open(wish))
    await asyncio.gather(*(billing.service.sync.account(wish["account_id"]) for _ in range(4)))
    assert len(await billing.events()) == 1
    (row,) = await billing.rows("select state, revision from subscription")
    assert row == {"state": "active", "revision": 1}


async def test_a_loop_outlives_its_failures() -> None:
    clock, rounds = ManualClock(), 0

    async def work() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise Temporary("database-unavailable")
        if rounds == 2:
            raise ValueError("unforeseen")

    def reached(wanted: int) -> bool:
        return rounds == wanted

    loop = asyncio.create_task(every("a-loop", timedelta(minutes=10), work, clock))
    for expected in (1, 2, 3):
        await until(partial(reached, expected), within=2, what=f"round {expected}")
        await clock.advance(timedelta(seconds=5))
    loop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loop
    assert rounds == 3


async def test_a_provisioning_failure_is_recorded_once(billing: Billing) -> None:
    event = ProvisioningFailed(
        occurred_at=SystemClock().now(),
        account_id=AccountId(new_id()),
        signup_id=SignupId(new_id()),
        grid_id=GridId(new_id()),
        step="host",
        code="no-capacity",
        final=True,
    )
    for _ in range(2):
        await deliver(billing.service.pool, provisioning.routes(), event)
    (row,) = await billing.rows("select grid_id, code, final from provisioning_failure")
    assert row == {"grid_id": event.grid_id, "code": "no-capacity", "final": True}
