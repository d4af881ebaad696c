"""What we rely on in the SDK, and the pace of calls. When one of these fails, an update of the SDK has changed it."""

import asyncio
import inspect
from datetime import timedelta

import msgspec
import stripe

from s4_runtime import Secret
from s4_runtime.testing import ManualClock
from s4_stripe.api import API_VERSION
from s4_stripe.caller import Transport
from s4_stripe.facts import Session
from s4_stripe.throttle import Throttle
from support.waiting import until


def test_the_sdk_speaks_the_version_that_our_facts_are_written_for() -> None:
    assert stripe.api_version == API_VERSION


def test_the_sdks_own_client_still_reads_the_body_outside_of_its_error_handling() -> None:
    """When this fails, Transport may be superfluous."""
    assert "request_stream_async" in inspect.getsource(stripe.AIOHTTPClient.request_async)
    assert issubclass(Transport, stripe.AIOHTTPClient)


def test_a_session_does_not_show_what_lets_its_holder_pay() -> None:
    fields = {"id": "cs_1", "status": "open", "payment_status": "unpaid", "expires_at": 1, "url": "https://pay/x"}

    def hook(kind: type, value: object) -> object:
        assert kind is Secret
        return Secret(str(value))

    session = msgspec.convert({**fields, "client_secret": "cs_1_secret_2"}, Session, dec_hook=hook)
    assert "https://pay" not in repr(session)
    assert "secret_2" not in repr(session)


async def test_a_burst_of_one_second_passes_and_the_rest_waits_its_turn() -> None:
    clock = ManualClock()
    throttle = Throttle(clock, per_second=10, in_flight=100)
    passed = 0

    async def call() -> None:
        nonlocal passed
        async with throttle.turn():
            passed += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(25):
            group.create_task(call())
        await until(lambda: passed == 10, within=2, what="the burst has passed")
        await clock.advance(timedelta(seconds=0.55))
        await until(lambda: passed == 15, within=2, what="half a second's worth has passed")
        await clock.advance(timedelta(seconds=1.1))
    assert passed == 25


async def test_no_more_than_the_allowed_calls_are_under_way() -> None:
    throttle, under_way, most = Throttle(ManualClock(), per_second=1000, in_flight=3), 0, 0

    async def call() -> None:
        nonlocal under_way, most
        async with throttle.turn():
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(call() for _ in range(20)))
    assert most == 3
