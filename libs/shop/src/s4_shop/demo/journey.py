"""`make demo`: one customer's way from the first page to a stored file, through what everybody can reach."""

import asyncio
import time

import aiohttp

from s4_shop.demo.customer import Customer, Refused
from s4_shop.demo.operator import Operator, OperatorFailed
from s4_shop.demo.purchase import Reach, buy, join_by_a_code, say, store
from s4_shop.demo.tahoe import Fetched, TahoeClient, TahoeFailed
from s4_shop.demo.timeline import drawn
from s4_shop.shop import Shop

_REPAIR_PATIENCE = 60.0


async def run(shop: Shop) -> int:
    """0 when a file was stored in a grid bought just now and came back the same."""
    began = time.monotonic()
    problems: list[str] = []
    email = f"demo-{int(time.time())}@example.com"  # RFC 2606: nobody's
    try:
        async with Customer(shop.urls["site"]) as customer, asyncio.TaskGroup() as group:
            watching = group.create_task(shop.report_exits())
            await _buy_and_use(shop, customer, email)
            watching.cancel()
    except* (Refused, TahoeFailed, OperatorFailed, aiohttp.ClientError) as trouble:
        problems = [str(problem) for problem in trouble.exceptions]
    if problems:
        say(f"\nthe demo failed: {problems[0]}\nthe shop is left running: make status, make logs")
        return 1
    say(f"\nthe demo took {time.monotonic() - began:.1f} s. The shop is left running; {email} has an account:")
    say(shop.where_to_click())
    return 0


async def _buy_and_use(shop: Shop, customer: Customer, email: str) -> None:
    tahoe = shop.wiring.options.node / "bin" / "tahoe"
    site, inbox, mailbox = shop.urls["site"], shop.urls["inbox"], shop.wiring.mailbox_url
    reach = Reach(site=site, inbox=inbox, mailbox=mailbox, tahoe=tahoe, logs="make logs PART={part}")
    bought = await buy(reach, customer, email)
    say("\nan unmodified Tahoe-LAFS client joins the grid")
    async with TahoeClient.running(tahoe, bought.furl) as client:
        done = await store(client)
        await join_by_a_code(reach, customer, email, done)
        await _lose_the_disk(Operator(shop), bought.furl, client, done)
    say("\n" + "\n".join(drawn(bought.seconds, bought.total)))


async def _lose_the_disk(operator: Operator, furl: str, client: TahoeClient, done: Fetched) -> None:
    """What the machine has of the grid is lost, and the client that is still running reads its file."""
    machine = await operator.machine_of(furl)
    say("\nthe shares are objects in the grid's own bucket:")
    say("\n".join((await operator.contents_of(machine.grid)).drawn()))
    await operator.lose_disk(machine)
    say("  the machine's disk loses all that it had of the grid; an operator has the grid applied again")
    began = time.monotonic()
    await operator.reapply(machine.grid)
    if await client.get_again(done.cap, _REPAIR_PATIENCE) != done.content:
        raise TahoeFailed("the file that came back after the disk was lost is not the one that was stored")
    say(f"  after {time.monotonic() - began:.1f} s the running client reads its file again, under the same furl")
