"""Asks billing now and then, so that the history of payments is known without anybody's visit."""

from s4_runtime import Clock, PeerUnavailable, last_success
from s4_store import DatabaseUnavailable, Pool
from s4_web.billing_client import Billing
from s4_web.service.tally import count, day_of

_EVERY = 60.0  # seconds


async def watch(pool: Pool, billing: Billing, clock: Clock) -> None:
    """Note for ever whether billing answers. Each replica asks; the share of answers is what counts."""
    while True:
        await look(pool, billing, clock)
        await clock.sleep(_EVERY)


async def look(pool: Pool, billing: Billing, clock: Clock) -> None:
    """One question, and whether it was answered, are on record. Without a database neither is."""
    day = day_of(clock.now())
    try:
        await billing.offer(fresh=True)
        answers = ["asked", "answered"]
    except PeerUnavailable:
        answers = ["asked"]
    try:
        for what in answers:
            await count(pool, day, what)
    except DatabaseUnavailable:
        return
    last_success("web-watch")
