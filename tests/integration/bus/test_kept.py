"""What waits for a person stays at the broker, however often somebody looks."""

import asyncio
from typing import Any

import aio_pika
import pytest

from s4_bus.connection import connected
from s4_bus.definitions import LOOKS
from s4_bus.parked import parked
from s4_bus.topology import LISTENERS, RETRY_DELAYS, own_exchange, parked_queue, retry_queue
from support.broker_users import UsersAtBroker
from support.infra import TestBroker
from support.waiting import until


@pytest.fixture
async def at_broker(broker: TestBroker, amqp_url: str) -> UsersAtBroker:
    found = UsersAtBroker(broker, amqp_url.rpartition("/")[2])
    await found.define()
    return found


async def policies(at_broker: UsersAtBroker) -> dict[str, Any]:
    """What each queue's policy says, as the broker applies it."""
    found = await asyncio.to_thread(at_broker.broker.call, "GET", f"/api/queues/{at_broker.vhost}")
    assert isinstance(found, list)
    return {each["name"]: each.get("effective_policy_definition") or {} for each in found}


async def test_the_broker_takes_the_limit_for_what_is_parked_or_waits_and_for_nothing_else(
    at_broker: UsersAtBroker,
) -> None:
    kept = {parked_queue(service).name for service in LISTENERS}
    kept |= {retry_queue(service, tier).name for service in LISTENERS for tier in RETRY_DELAYS}

    async def are_told() -> bool:
        told = await policies(at_broker)
        return {name for name, policy in told.items() if policy == {"delivery-limit": LOOKS}} == kept

    await until(are_told, within=20, what="the broker tells of its policies")
    assert all(policy == {} for name, policy in (await policies(at_broker)).items() if name not in kept)


async def test_a_parked_message_is_there_after_more_looks_than_a_broker_counts_by_itself(
    at_broker: UsersAtBroker,
) -> None:
    message = aio_pika.Message(b"{}", message_id="one", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
    async with connected(at_broker.url("web")) as connection:
        own = await (await connection.channel()).get_exchange(own_exchange("web"), ensure=False)
        await own.publish(message, parked_queue("web").name, mandatory=True)
    for _ in range(25):
        assert len(await parked("web", at_broker.url("web"))) == 1
