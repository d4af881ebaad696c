"""The service as the program that runs in production: started, killed, started again, told to stop."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from s4_shop.ports import free_port
from s4_store import Pool
from support.billing_service import PLANS, TOKEN, a_wish
from support.stripe_double import SECRET_KEY, WEBHOOK_SECRET, StripeDouble
from support.waiting import until


class Program:
    """One process of `python -m s4_billing serve`."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, probes: str) -> None:
        self.process = process
        self._url = url
        self._probes = probes

    async def is_ready(self) -> bool:
        async with aiohttp.ClientSession() as session, session.get(f"{self._probes}/readyz") as answer:
            return answer.status == 200 and bool((await self.call("GET", "/plans"))["open"])

    async def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self._url + path, json=body, headers=headers) as answer,
        ):
            assert answer.status == 200, await answer.text()
            told: dict[str, Any] = await answer.json()
            return told

    async def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 15)


@asynccontextmanager
async def serving(environment: dict[str, str]) -> AsyncIterator[Program]:
    """A program that is ready; it is killed if it still runs at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "s4_billing", "serve", env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    program = Program(process, f"http://{environment['S4_LISTEN']}", f"http://{environment['S4_PROBES_LISTEN']}")
    try:
        await until(program.is_ready, within=30, what="the service is ready")
        yield program
    finally:
        if process.returncode is None:
            await program.end(signal.SIGKILL)


@pytest.fixture
def environment(
    database: str, amqp_url: str, double: StripeDouble, webhook_port: int, state_dir: Path
) -> dict[str, str]:
    plans = state_dir / "plans.toml"
    plans.write_text(PLANS)
    told = {
        "S4_DATABASE_URL": database,
        "S4_AMQP_URL": amqp_url,
        "S4_DEPLOYMENT": "tests",
        "S4_LISTEN": f"127.0.0.1:{webhook_port}",
        "S4_PROBES_LISTEN": f"127.0.0.1:{free_port()}",
        "S4_SERVICE_TOKEN": TOKEN,
        "S4_STRIPE_SECRET_KEY": SECRET_KEY,
        "S4_STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "S4_STRIPE_API_URL": double.api,
        "S4_PUBLIC_URL": "https://s4.example.org",
        "S4_CATALOGUE": str(plans),
    }
    return {**{name: value for name, value in os.environ.items() if not name.startswith("S4_")}, **told}


async def test_a_payment_while_the_service_is_dead_is_published_once_after_its_return(
    environment: dict[str, str], database: str, double: StripeDouble
) -> None:
    push = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "s4_billing", "catalogue", "push", env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    assert await push.wait() == 0
    async with serving(environment) as program:
        checkout = await program.call("POST", "/checkouts", a_wish())
        await program.end(signal.SIGKILL)
    await double.pay(checkout)
    async with serving(environment) as program, Pool.open(database) as pool:

        async def is_published() -> bool:
            return bool(await pool.fetchval("select count(*) from outbox where sent_at is not null"))

        await until(is_published, within=60, what="SignupPaid is published")
        path = f"/checkouts/{checkout['checkout_id']}/sync"
        assert (await program.call("POST", path))["state"] == "paid"
        assert await program.end(signal.SIGTERM) == 0
        assert await pool.fetchval("select count(*) from outbox") == 1
