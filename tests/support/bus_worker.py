"""A consumer or a relay in a process of its own, for tests that kill it: bus_worker.py PART DATABASE BROKER."""

import asyncio
import os
import sys

from s4_bus import consume, on, relay
from s4_contracts.web import InviteRequested
from s4_runtime import forever
from s4_store import Pool, Transaction


async def note(event: InviteRequested, tx: Transaction) -> None:
    await tx.execute("insert into effects (request_id) values ($1)", event.request_id)
    if event.request_id == "poison":
        os._exit(3)
    if event.request_id == "slow":
        sys.stdout.write("inside\n")
        sys.stdout.flush()
        await forever()


async def main(part: str, database: str, broker: str) -> None:
    async with Pool.open(database) as pool:
        if part == "relay":
            await relay("web", pool, broker)
        else:
            await consume("notifier", [on(InviteRequested, note)], pool, broker)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
