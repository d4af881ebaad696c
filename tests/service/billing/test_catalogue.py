"""The plans against Stripe, and the command line of the service."""

import asyncio
import os
import sys
from pathlib import Path
from random import Random

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from s4_billing.service import Service
from s4_billing.settings import Settings
from s4_bus import bus_ready
from s4_runtime import SystemClock
from s4_shop.ports import free_port
from s4_store import migrate
from support.billing_service import PLANS, TOKEN, Billing, a_wish, same, settings_for
from support.stripe_double import SECRET_KEY, WEBHOOK_SECRET, StripeDouble


async def test_pushing_twice_makes_one_price_for_each_plan(billing: Billing) -> None:
    await billing.service.catalogue.push()
    prices = await billing.double.objects("/v1/prices")
    assert sorted(price["lookup_key"] for price in prices) == ["s4-large-monthly-1", "s4-personal-monthly-1"]
    assert len(await billing.double.objects("/v1/products")) == 2


async def test_a_push_that_died_after_the_product_is_finished_by_the_next(billing: Billing) -> None:
    await billing.double.reset()
    fields = {"id": "s4-personal", "name": "Personal", "description": "made by the one that died"}
    await billing.double.call("POST", "/v1/products", **fields)
    await billing.service.catalogue.push()
    assert billing.service.catalogue.is_open


async def test_a_price_that_differs_closes_the_signup_and_says_how(
    billing: Billing, capsys: pytest.CaptureFixture[str]
) -> None:
    plans = billing.settings.catalogue
    assert plans is not None
    plans.write_text(PLANS.replace("2500", "2600"))
    async with Billing.running(beside(billing.settings, plans), billing.double, converging=False) as closed:
        assert (await closed.call("GET", "/plans"))[1]["open"] is False
        assert await closed.call("POST", "/checkouts", a_wish()) == (503, {"code": "signup-closed"})
        assert await closed.call("POST", "/checkouts", a_wish(plan="large")) == (503, {"code": "signup-closed"})
        flags = await closed.service.readiness(bus_ready("billing", closed.service.pool))()
        assert "personal: amount is 2500, not 2600" in flags
        assert "amount is 2500, not 2600" in capsys.readouterr().out
        await closed.service.catalogue.push()
        assert not closed.service.catalogue.is_open
    assert await billing.double.objects("/v1/customers") == []


async def test_who_asks_before_the_first_look_at_stripe_is_answered_after_it(billing: Billing) -> None:
    settings = beside(billing.settings, billing.settings.catalogue)
    await billing.double.fault("GET /v1/prices", "slow", times=1, seconds=0.5)
    async with (
        Service.open(settings, SystemClock(), Random(1)) as service,
        TestServer(service.app, host="127.0.0.1") as server,
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as web,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(service.catalogue.check())
        async with web.get(server.make_url("/plans")) as answer:
            assert (await answer.json())["open"]


def beside(settings: Settings, plans: Path | None) -> Settings:
    return same(settings, catalogue=plans, listen=f"127.0.0.1:{free_port()}")


async def test_a_price_that_vanishes_closes_the_signup_until_it_is_back(billing: Billing) -> None:
    await billing.double.reset()
    await billing.service.catalogue.check()
    assert await billing.call("POST", "/checkouts", a_wish()) == (503, {"code": "signup-closed"})
    await billing.service.catalogue.push()
    assert (await billing.open(a_wish()))["state"] == "open"


@pytest.fixture
def environment(database: str, double: StripeDouble, state_dir: Path) -> dict[str, str]:
    """What the shop gives to the service."""
    settings = settings_for(database, double, 1, state_dir)
    told = {
        "S4_DATABASE_URL": database,
        "S4_AMQP_URL": "amqp://not-used-here",
        "S4_DEPLOYMENT": "tests",
        "S4_SERVICE_TOKEN": TOKEN,
        "S4_STRIPE_SECRET_KEY": SECRET_KEY,
        "S4_STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "S4_STRIPE_API_URL": double.api,
        "S4_PUBLIC_URL": "https://s4.example.org",
        "S4_CATALOGUE": str(settings.catalogue),
    }
    return {**{name: value for name, value in os.environ.items() if not name.startswith("S4_")}, **told}


async def run(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "s4_billing",
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_the_catalogue_commands_compare_and_make(environment: dict[str, str]) -> None:
    status, said = await run(environment, "catalogue", "check")
    assert status == 78
    assert "no active price with lookup key s4-personal-monthly-1" in said
    status, said = await run(environment, "catalogue", "push")
    assert (status, "personal: as at Stripe" in said) == (0, True)
    assert (await run(environment, "catalogue", "check"))[0] == 0


async def test_serving_an_unmigrated_database_is_refused_with_the_command_to_run(
    environment: dict[str, str], new_database: str
) -> None:
    environment["S4_DATABASE_URL"] = new_database
    status, said = await run(environment, "serve")
    assert status == 78
    assert "python -m s4_billing migrate" in said
    assert (await run(environment, "migrate"))[0] == 0


async def test_unusable_settings_are_named_all_at_once(environment: dict[str, str]) -> None:
    wrong = {**environment, "S4_STRIPE_SECRET_KEY": "pk_test_x", "S4_PUBLIC_URL": "s4.example.org"}
    status, said = await run(wrong, "serve")
    assert status == 78
    assert "S4_STRIPE_SECRET_KEY" in said
    assert "S4_PUBLIC_URL" in said
    assert "pk_test_x" not in said


async def test_an_unknown_command_is_refused(environment: dict[str, str]) -> None:
    status, said = await run(environment, "dance")
    assert status == 1
    assert "serve | migrate" in said


async def test_migrating_twice_changes_nothing(new_database: str) -> None:
    assert "s4_billing/0001_init.sql" in await migrate(new_database, "s4_billing")
    assert await migrate(new_database, "s4_billing") == []
