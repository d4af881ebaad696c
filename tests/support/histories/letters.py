"""Letters of Stripe by the thousand: signed, shuffled, repeated, and posted as fast as they are taken."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

import aiohttp

from s4_devcloud.stripe.endpoints import Endpoint
from s4_devcloud.stripe.letters import Letter, write
from s4_stripe.deliveries import is_wanted
from support.stripe_double import WEBHOOK_SECRET


def thrice(events: Iterable[dict[str, Any]], deliveries: int, random: Random) -> list[dict[str, Any]]:
    """So many deliveries of events that lead to a look, in any order: each event three times, about every customer."""
    whose: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        if is_wanted(event["type"]):
            about = event["data"]["object"]
            whose[str(about.get("customer") or about["id"])].append(event)
    for mine in whose.values():
        random.shuffle(mine)
    in_turn = (
        mine[turn] for turn in range(max(map(len, whose.values()))) for mine in whose.values() if turn < len(mine)
    )
    wanted = -(-deliveries // 3)
    chosen = [event for event, _ in zip(in_turn, range(wanted), strict=False)]
    assert len(chosen) == wanted, f"{len(chosen)} events are too few"
    repeated = (chosen * 3)[:deliveries]
    random.shuffle(repeated)
    return repeated


def signed(event: dict[str, Any]) -> Letter:
    """The event as it is delivered."""
    return write(Endpoint("bench", "", WEBHOOK_SECRET), event, "normal")


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
