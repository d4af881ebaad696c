"""`make demo`: one customer's way from the first page to a stored file, through what everybody can reach."""

import asyncio
import time
from urllib.parse import urljoin

import aiohttp

from s4_shop.demo.customer import Customer, Refused, masked
from s4_shop.demo.operator import Operator, OperatorFailed
from s4_shop.demo.progress import follow
from s4_shop.demo.tahoe import Fetched, TahoeClient, TahoeFailed
from s4_shop.demo.timeline import drawn
from s4_shop.shop import Shop

_PATIENCE = 240.0  # seconds for the grid
_LETTER_PATIENCE = 30.0
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
        print(f"\nthe demo failed: {problems[0]}\nthe shop is left running: make status, make logs")
        return 1
    print(f"\nthe demo took {time.monotonic() - began:.1f} s. The shop is left running; {email} has an account:")
    print(shop.where_to_click())
    return 0


async def _buy_and_use(shop: Shop, customer: Customer, email: str) -> None:
    print(f"\na customer signs up on {shop.urls['site']} as {email}", flush=True)
    await customer.sign_up(email)
    print("  pays on the hosted page with the test card 4242 4242 4242 4242", flush=True)
    await customer.pay()
    paid = asyncio.get_running_loop().time()
    print("  paid; the status page says:", flush=True)
    status = urljoin(shop.urls["site"], "/status")
    progress = await follow(customer, status, lambda line: print(line, flush=True), within=_PATIENCE)
    total = progress.ready_at - paid
    link = await _letter(shop, customer, email)
    print(f"  the letter is there (inbox: {shop.urls['inbox']}); the customer follows its link", flush=True)
    furl = await customer.claim(link)
    print(f"  and sees the furl: {masked(furl)}", flush=True)
    print("\nan unmodified Tahoe-LAFS client joins the grid", flush=True)
    async with TahoeClient.running(shop.wiring.options.node / "bin" / "tahoe", furl) as client:
        done = await client.round_trip()
        times = f"stored {done.size:,} bytes in {done.put_seconds:.1f} s, fetched them in {done.get_seconds:.1f} s"
        print(f"  {times}, every byte the same", flush=True)
        await _join_by_a_code(shop, customer, email, done)
        await _lose_the_disk(Operator(shop), furl, client, done)
    print("\n" + "\n".join(drawn(progress.seconds, total)), flush=True)


async def _join_by_a_code(shop: Shop, customer: Customer, email: str, done: Fetched) -> None:
    """A second client got into the grid by a code of the account, and has read what the first one stored."""
    print("\nthe customer signs in and makes an invite code, which is nothing but a few letters to type", flush=True)
    await customer.open(urljoin(shop.urls["site"], "/sign-in"))
    await customer.send("sign-in", {"email": email})
    await customer.sign_in(await _letter(shop, customer, email, "sign-in/link"))
    code = await customer.invite_code()
    program = shop.wiring.options.node / "bin" / "tahoe"
    async with TahoeClient.joining(program, shop.wiring.mailbox_url, code) as second:
        print(f"  a second client joins by it: {code} is used up now", flush=True)
        if await second.get(done.cap) != done.content:
            raise TahoeFailed("the second client reads another file than the first one stored")
    print("  and reads the file that the first one stored", flush=True)


async def _lose_the_disk(operator: Operator, furl: str, client: TahoeClient, done: Fetched) -> None:
    """What the machine has of the grid is lost, and the client that is still running reads its file."""
    machine = await operator.machine_of(furl)
    print("\nthe shares are objects in the grid's own bucket:", flush=True)
    print("\n".join((await operator.contents_of(machine.grid)).drawn()), flush=True)
    await operator.lose_disk(machine)
    print("  the machine's disk loses all that it had of the grid; an operator has the grid applied again", flush=True)
    began = time.monotonic()
    await operator.reapply(machine.grid)
    if await client.get_again(done.cap, _REPAIR_PATIENCE) != done.content:
        raise TahoeFailed("the file that came back after the disk was lost is not the one that was stored")
    print(f"  after {time.monotonic() - began:.1f} s the running client reads its file again, under the same furl")


async def _letter(shop: Shop, customer: Customer, email: str, page: str = "claim") -> str:
    """The link to the page."""
    deadline = time.monotonic() + _LETTER_PATIENCE
    while (link := await customer.letter_link(shop.urls["inbox"], email, page)) is None:
        if time.monotonic() > deadline:
            raise Refused(f"no letter within {_LETTER_PATIENCE:g} s (make logs PART=notifier)")
        await asyncio.sleep(0.1)
    return link
