"""Cards are tested by the thousand: who opens many checkouts is refused before Stripe hears of it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from s4_runtime import new_id
from s4_shop.ports import free_port
from support.billing_service import Billing, a_wish, same

REFUSED = (429, {"code": "too-many-checkouts"})
HERE = "a" * 64
LIMITS = {
    "checkouts_per_address": 2,
    "checkouts_per_email": 2,
    "checkouts_per_account": 3,
    "checkouts_per_hour": 5,
}


@pytest.fixture
async def strict(billing: Billing) -> Any:
    """A replica with small limits."""
    settings = same(billing.settings, listen=f"127.0.0.1:{free_port()}", **LIMITS)
    async with Billing.running(settings, billing.double, converging=False) as strict:
        yield strict


def somebody(**changes: Any) -> dict[str, Any]:
    return a_wish(email=f"{new_id()}@example.org", **changes)


async def later(billing: Billing, **time: float) -> None:
    billing.clock.ahead += timedelta(**time)
    await billing.double.advance(int(timedelta(**time).total_seconds()))


async def sessions(billing: Billing) -> int:
    return len(await billing.double.objects("/v1/checkout/sessions"))


async def test_one_address_opens_so_many_in_an_hour(strict: Billing) -> None:
    for _ in range(2):
        await strict.open(somebody(ip_hash=HERE))
    before = await strict.double.journal()
    assert await strict.call("POST", "/checkouts", somebody(ip_hash=HERE)) == REFUSED
    assert await strict.double.journal() == before
    await strict.open(somebody(ip_hash="b" * 64))
    await strict.open(somebody())
    await later(strict, minutes=61)
    await strict.open(somebody(ip_hash=HERE))


async def test_one_email_opens_so_many_in_a_day_in_whatever_case(strict: Billing) -> None:
    await strict.open(a_wish(email="one@example.org"))
    await strict.open(a_wish(email="One@example.org"))
    assert await strict.call("POST", "/checkouts", a_wish(email="ONE@example.org")) == REFUSED
    await later(strict, hours=23)
    assert await strict.call("POST", "/checkouts", a_wish(email="one@example.org")) == REFUSED
    await later(strict, hours=2)
    await strict.open(a_wish(email="one@example.org"))


async def test_one_account_changes_its_mind_so_often_in_a_day(strict: Billing) -> None:
    wish = somebody(ip_hash=HERE)
    for plan in ("personal", "large", "personal"):
        await strict.open({**wish, "plan": plan})
    assert await strict.call("POST", "/checkouts", {**wish, "plan": "large"}) == REFUSED
    assert await sessions(strict) == 3


async def test_all_together_open_so_many_in_an_hour(strict: Billing, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(5):
        await strict.open(somebody(ip_hash=new_id()))
    assert await strict.call("POST", "/checkouts", somebody(ip_hash=new_id())) == REFUSED
    assert "checkouts.limit" in capsys.readouterr().out
    await later(strict, minutes=61)
    await strict.open(somebody())


async def test_asking_again_for_what_is_open_is_not_counted(strict: Billing) -> None:
    wishes = [somebody(ip_hash=HERE), somebody(ip_hash=HERE)]
    first = [await strict.open(wish) for wish in wishes]
    for _ in range(3):
        assert [await strict.open(wish) for wish in wishes] == first


async def test_without_javascript_the_second_session_of_a_checkout_is_not_a_second_checkout(strict: Billing) -> None:
    wishes = [somebody(ip_hash=HERE, ui="embedded"), somebody(ip_hash=HERE, ui="embedded")]
    for wish in wishes:
        await strict.open(wish)
        await strict.open({**wish, "ui": "hosted"})


async def test_asking_all_at_once_passes_no_limit(strict: Billing) -> None:
    wishes = [somebody(ip_hash=HERE) for _ in range(8)]
    answers = await asyncio.gather(*(strict.call("POST", "/checkouts", wish) for wish in wishes))
    assert sorted(status for status, _ in answers) == [200, 200, 429, 429, 429, 429, 429, 429]
    assert await sessions(strict) == 2
    assert len(await strict.double.objects("/v1/customers")) == 2


async def test_what_was_refused_is_not_counted_and_leaves_nothing(strict: Billing) -> None:
    for _ in range(2):
        await strict.open(somebody(ip_hash=HERE))
    for _ in range(10):
        await strict.call("POST", "/checkouts", somebody(ip_hash=HERE))
    assert len(await strict.rows("select 1 from checkout_opening")) == 2
    assert len(await strict.rows("select 1 from billing_customer")) == 2


async def test_what_was_counted_is_forgotten_after_two_days(strict: Billing) -> None:
    await strict.open(somebody(ip_hash=HERE))
    await later(strict, hours=49)
    await strict.open(somebody(ip_hash=HERE))
    assert len(await strict.rows("select 1 from checkout_opening")) == 1


@pytest.mark.parametrize("ip_hash", ["", "short", "x" * 129, "192.0.2.1 192.0.2.2", 5])
async def test_whence_somebody_comes_is_told_unrecognisably_or_not_at_all(billing: Billing, ip_hash: object) -> None:
    assert await billing.call("POST", "/checkouts", a_wish(ip_hash=ip_hash)) == (422, {"code": "malformed"})
