"""The page as a process, with a real broker: it hears, it shows, it tells, and it comes back after a kill."""

import json
import signal
from collections.abc import Callable
from typing import Any

import aio_pika

from s4_bus.connection import connected
from s4_bus.declare import declare_service
from s4_bus.topology import EXCHANGE, main_queue
from s4_contracts import Event, encode, routing_key
from s4_contracts.billing import SignupPaid
from s4_contracts.notifier import LetterSent
from s4_contracts.support import LetterRequested
from s4_runtime import context, new_id
from support.support_page import Customer, Operator
from support.support_process import environment, running
from support.waiting import until
from support.web_peers import a_browser


async def tell(amqp_url: str, *events: Event, story: str) -> None:
    """Other services tell these."""
    async with connected(amqp_url) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(EXCHANGE)
        for event in events:
            name = routing_key(event)
            headers: dict[str, Any] = {context.CORRELATION_HEADER: story}
            message = aio_pika.Message(encode(event), message_id=new_id(), type=name, headers=headers)
            for _ in range(2):
                await exchange.publish(message, name)


async def next_of(amqp_url: str, service: str) -> dict[str, Any]:
    """What the service's queue gets next."""
    async with connected(amqp_url) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(main_queue(service).name)

        async def got() -> Any:
            return await queue.get(fail=False, no_ack=True)

        message = await until(got, within=20, what="a message")
        found: dict[str, Any] = json.loads(message.body)
        return found


async def test_what_happens_is_shown_and_what_operators_want_is_told_across_a_kill(
    support_database: str, amqp_url: str, free_port: Callable[[], int]
) -> None:
    env, customer, story = environment(support_database, amqp_url, free_port(), free_port()), Customer(), new_id()
    async with connected(amqp_url) as connection:
        await declare_service(await connection.channel(), "notifier", [routing_key(LetterRequested)])
    async with a_browser(env["S4_PUBLIC_URL"]) as browser:
        operator = Operator(browser)
        async with running(env) as process:
            await tell(amqp_url, customer.event(LetterSent), customer.event(SignupPaid), story=story)
            assert (await operator.sign_in()).status == 303
            process.send_signal(signal.SIGKILL)
            await process.wait()
        async with running(env):

            async def is_shown() -> bool:
                page = await operator.account(customer, f"?story={story}")
                return page.text.count("<strong>") == 2

            await until(is_shown, within=20, what="both events are shown, once each")
            again = f"/accounts/{customer.account}/letters/{customer.ids['letter_id']}/again"
            assert (await operator.does(again)).status == 303
            told = await next_of(amqp_url, "notifier")
    assert (told["type"], told["letter_id"]) == ("support.letter-requested.v1", customer.ids["letter_id"])
