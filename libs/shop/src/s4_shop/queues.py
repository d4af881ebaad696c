"""The services' queues, made and on disk before any service runs.

RabbitMQ 3.10 writes the names of new quorum queues to disk only after minutes. Killed before that, it starts again with
a queue that has lost its log and never gets a leader: nobody can consume from it. A cluster of three does not lose all
copies at once; this machine's single node would.
"""

import asyncio
import subprocess

import aio_pika

from s4_bus.topology import LISTENERS, declare_service
from s4_contracts import routing_key
from s4_shop.folder import StateFolder

CONTROL = "/usr/lib/rabbitmq/bin/rabbitmqctl"
_TO_DISK = "[ok = dets:sync(Table) || Table <- dets:all()]."


def run_queues(folder: StateFolder) -> None:
    """All queues exist, and a broker that is killed now still has them. Called with the broker's own environment."""
    url = (folder.root / "secrets" / "amqp-url-operator").read_text(encoding="utf-8")
    asyncio.run(declare(url))
    subprocess.run([CONTROL, "-n", "s4@localhost", "--quiet", "eval", _TO_DISK], check=True)


async def declare(url: str) -> None:
    """Each service's queues, bound to what it listens to."""
    async with await aio_pika.connect(url) as connection:
        for service, events in LISTENERS.items():
            channel = await connection.channel()
            await declare_service(channel, service, map(routing_key, events))
