"""The operators' listener of the support page in process: real queues, a real database, messages that were parked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
import aiohttp
from aiohttp.test_utils import TestServer

from s4_bus.connection import connected
from s4_bus.declare import declare_service
from s4_bus.envelope import ATTEMPTS, CODE
from s4_bus.topology import LISTENERS, main_queue, own_exchange, parked_queue
from s4_contracts import Event, encode, routing_key
from s4_runtime import Secret, context, new_id
from s4_store import Pool
from s4_support.operator.app import application
from s4_support.operator.tools import tools_of
from support.operator_cli import TOKENS, Prompt, Terminal
from support.support_page import START, SupportPage, settings_of


class OperatorsDesk(SupportPage):
    """What a test holds: the page's database, the broker, and a terminal."""

    def __init__(self, pool: Pool, amqp_url: str, database: str, **changed: Any) -> None:
        tokens = [Secret(f"{name}:{token}") for name, token in TOKENS.items()]
        told: dict[str, Any] = {"operator_amqp_url": Secret(amqp_url), "operator_tokens": tokens, **changed}
        super().__init__(pool, settings_of(database, **told))
        self.amqp_url = amqp_url
        self.terminal: Terminal = Prompt("", "support")

    async def parks(self, service: str, *events: Event, code: str = "unknown-event", **more: Any) -> list[str]:
        """The events were put aside by the service. Their ids."""
        return [await self.parks_raw(service, encode(event), routing_key(event), code, **more) for event in events]

    async def parks_raw(
        self, service: str, body: bytes, kind: str, code: str = "malformed-event", message_id: str | None = None
    ) -> str:
        found = message_id or new_id()
        headers: dict[str, Any] = {ATTEMPTS: 1, CODE: code, context.CORRELATION_HEADER: "story-1"}
        message = aio_pika.Message(body, message_id=found, type=kind, headers=headers, timestamp=START)
        async with connected(self.amqp_url) as connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange(own_exchange(service), ensure=False)
            await exchange.publish(message, parked_queue(service).name)
        return found

    async def waits(self, service: str) -> list[aio_pika.abc.AbstractIncomingMessage]:
        """What the service would get next; it is taken out."""
        async with connected(self.amqp_url) as connection:
            queue = await (await connection.channel()).get_queue(main_queue(service).name)
            found = []
            while (message := await queue.get(fail=False, no_ack=True)) is not None:
                found.append(message)
            return found

    async def parked_ids(self, service: str) -> list[str]:
        told = await self.terminal.json("queues", "parked", service)
        return [each["id"] for each in told["parked"]]


@asynccontextmanager
async def operators_desk(database: str, amqp_url: str, **changed: Any) -> AsyncIterator[OperatorsDesk]:
    """The listener, with every service's queues."""
    async with Pool.open(database) as pool, aiohttp.ClientSession() as session:
        desk = OperatorsDesk(pool, amqp_url, database, **changed)
        async with connected(amqp_url) as connection:
            for service, heard in LISTENERS.items():
                await declare_service(await connection.channel(), service, list(map(routing_key, heard[:1])))
        tools = tools_of(desk.settings, pool, session, desk.clock)
        async with TestServer(application(tools), access_log=None) as server:
            desk.terminal.url = f"http://127.0.0.1:{server.port}"
            yield desk
