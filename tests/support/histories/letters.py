"""Letters of Stripe by the thousand: signed, shuffled, repeated, and posted as fast as they are taken."""

import asyncio
from collections.abc import Iterable, Sequence
from random import Random

import aiohttp

from s4_devcloud.stripe.endpoints import Endpoint
from s4_devcloud.stripe.letters import Letter, write
from s4_stripe.deliveries import is_wanted
from support.histories.inner_stripe import InnerStripe
from support.stripe_double import WEBHOOK_SECRET


def tripled(stripe: InnerStripe, deliveries: int, random: Random) -> list[Letter]:
    """So many deliveries in any order: events that lead to a look, each three times, from as many customers as is fair.

    Of those that there are, the later ones; stripe's letters bear the machine's time.
    """
    with stripe.world.transaction() as tx:
        events = [dict(event) for event in tx.newest_first("event") if is_wanted(event["type"])]
    different = -(-deliveries // 3)
    assert len(events) >= different, f"{len(events)} events are too few"
    chosen = random.sample(events, different)
    endpoint = Endpoint("bench", "", WEBHOOK_SECRET)
    letters = [letter for event in chosen for letter in [write(endpoint, event, "normal")] * 3]
    random.shuffle(letters)
    return letters[:deliveries]


async def post(url: str, letters: Sequence[Letter], at_once: int) -> list[int]:
    """What each was answered."""
    waiting: Iterable[Letter] = iter(letters)
    answers: list[int] = []

    async def postman(session: aiohttp.ClientSession) -> None:
        for letter in waiting:
            async with session.post(url, data=letter.body, headers=letter.headers) as answer:
                await answer.read()
                answers.append(answer.status)

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(postman(session))
    return answers
