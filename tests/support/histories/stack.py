"""Billing as it runs, with its database, over loopback HTTP and through Stripe's SDK, beside a double in this process.

Nothing happens by itself: whoever holds this turns each loop once, delivers each letter, moves the clock.
"""

import json
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Literal

import aiohttp
import asyncpg
from aiohttp import web

from s4_billing.service import Service
from s4_billing.settings import Settings
from s4_contracts import Event
from s4_devcloud.stripe.server import serving
from s4_runtime import Temporary
from s4_shop.ports import free_port
from s4_store import migrate
from s4_store.testing import emitted
from support.billing_service import TOKEN, same, settings_for
from support.histories.inner_stripe import InnerStripe
from support.histories.inner_stripe import settings as world_settings
from support.histories.shared_clock import SharedClock
from support.operator_cli import TOKENS
from support.stripe_double import StripeDouble
from support.waiting import until

Mood = Literal["fifo", "lifo", "random", "twice", "lost", "held"]
_PATIENCE = timedelta(seconds=1)


class Stack:
    """One service, and the world around it."""

    def __init__(self, stripe: InnerStripe, settings: Settings) -> None:
        self.stripe = stripe
        self.settings = settings
        self.clock = SharedClock(stripe)
        self.service: Service
        self._life = AsyncExitStack()
        self._web: aiohttp.ClientSession

    @classmethod
    @asynccontextmanager
    async def up(cls, database: str, folder: Path) -> AsyncIterator["Stack"]:
        """Served, with its plans at Stripe."""
        await migrate(database, "s4_billing")
        port, listen = free_port(), f"127.0.0.1:{free_port()}"
        stripe = InnerStripe(world_settings(listen, f"http://127.0.0.1:{port}/stripe/events"))
        made = settings_for(database, StripeDouble(f"http://{listen}", ""), port, folder)
        limits = {"checkouts_per_account": 10_000, "checkouts_per_address": 10_000, "stripe_calls_per_second": 1e6}
        chosen = same(made, stripe_timeout=_PATIENCE, operator_listen=f"127.0.0.1:{free_port()}", **limits)
        async with serving(stripe.world.settings, stripe.world):
            stack = cls(stripe, chosen)
            await stack._start()
            await stack.service.catalogue.push()
            stripe.keep_catalogue()
            try:
                yield stack
            finally:
                await stack._life.aclose()

    async def begin(self) -> None:
        """No account, no rows, the machine's time; letters are held from now on."""
        self.stripe.begin()
        self.stripe.world.webhooks.behave("hold")
        connection = await asyncpg.connect(self.settings.database_url.reveal())
        try:
            sql = "select tablename from pg_tables where schemaname = 'public' and tablename <> 'applied_migrations'"
            names = [row["tablename"] for row in await connection.fetch(sql)]
            # Without its triggers no table minds in which order they are emptied.
            gone = "; ".join(f"delete from {name}" for name in names)  # noqa: S608  ours
            await connection.execute(f"set session_replication_role = replica; {gone}")
        finally:
            await connection.close()

    async def restart(self) -> None:
        """The process is gone, with what it had in memory, and another one serves."""
        await self._life.aclose()
        await self._start()

    async def call(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """What web is answered."""
        return await self._ask(method, f"http://{self.settings.listen}{path}", body, TOKEN)

    async def operate(self, path: str, body: object) -> tuple[int, dict[str, Any]]:
        """What an operator is answered."""
        return await self._ask("POST", f"http://{self.settings.operator_listen}{path}", body, TOKENS["ada"])

    async def deliver(self, mood: Mood, random: Random) -> None:
        """What Stripe has to tell arrives so, or does not."""
        webhooks = self.stripe.world.webhooks
        held = list(webhooks.held)
        match mood:
            case "held":
                return
            case "lost":
                webhooks.held.clear()
                return
            case "twice":
                webhooks.release(random.sample(held + held, 2 * len(held)))
            case "fifo" | "lifo" | "random":
                webhooks.release(random.sample(held, len(held)) if mood == "random" else mood)
        await until(lambda: not webhooks.pending, within=20, what="all letters have arrived", pause=0.002)

    def turns(self) -> Mapping[str, Coroutine[Any, Any, object]]:
        """One turn of each loop."""
        known = self.service
        return {
            "events": known.converger.round(),
            "due": known.due.round(),
            "commands": known.commands.settle(),
            "missed": known.reconciler.turn(),
            "overdue": known.overdue.turn(),
        }

    async def turn(self, loop: str) -> None:
        """One turn of the loop, which may fail without consequence."""
        await self.guarded(self.picked(loop))

    def picked(self, loop: str) -> Coroutine[Any, Any, object]:
        """One turn of the loop."""
        turns = dict(self.turns())
        chosen = turns.pop(loop)
        for other in turns.values():
            other.close()
        return chosen

    async def guarded(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except Temporary:
            return

    async def settle(self) -> None:
        """Nothing is wrong any more, an hour passes, and every loop has had its turns."""
        self.stripe.world.faults.clear()
        for _ in range(2):
            self.stripe.world.clock.advance(3660)
            for loop in ("commands", "missed", "overdue"):
                await self.picked(loop)
            await self._quiet()

    async def _quiet(self) -> None:
        for _ in range(20):
            done = await self.service.converger.round() + await self.service.due.round()
            if not done:
                return
        raise AssertionError("the loops do not come to rest")

    async def events(self) -> list[Event]:
        """Everything that was told, in order."""
        return await emitted(self.service.pool)

    async def rows(self, sql: str, *args: object) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.service.pool.fetch(sql, *args)]

    async def _ask(self, method: str, url: str, body: object, token: str) -> tuple[int, dict[str, Any]]:
        async with self._web.request(method, url, json=body, headers={"Authorization": f"Bearer {token}"}) as answer:
            told: dict[str, Any] = json.loads(await answer.text())
            return answer.status, told

    async def _start(self) -> None:
        self._life = AsyncExitStack()
        self._web = await self._life.enter_async_context(aiohttp.ClientSession())
        self.service = await self._life.enter_async_context(Service.open(self.settings, self.clock, Random(1)))
        for app, listen in (
            (self.service.app, self.settings.listen),
            (self.service.operator_app, self.settings.operator_listen),
        ):
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
            await runner.setup()
            self._life.push_async_callback(runner.cleanup)
            host, _, port = listen.rpartition(":")
            await web.TCPSite(runner, host, int(port)).start()
        await self.guarded(self.service.catalogue.check())
