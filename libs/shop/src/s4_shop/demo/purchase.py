"""A customer's way from the first page to a furl, and to a second client by an invite code."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

from s4_shop.demo.customer import Customer, Refused, masked
from s4_shop.demo.progress import follow
from s4_shop.demo.tahoe import Fetched, TahoeClient, TahoeFailed

_PATIENCE = 240.0  # seconds for the grid
_LETTER_PATIENCE = 30.0


@dataclass(frozen=True)
class Reach:
    """How a customer gets to a shop, and with which client; `logs` is what a person types to read a {part}'s log."""

    site: str
    inbox: str
    mailbox: str
    tahoe: Path
    logs: str


@dataclass(frozen=True)
class Bought:
    """A grid, and how long it took: the steps of the status page, and from the payment to the end of the last."""

    furl: str = field(repr=False)
    seconds: Mapping[str, float]
    total: float


async def buy(reach: Reach, customer: Customer, email: str) -> Bought:
    """The customer has a grid that works. Raises Refused."""
    say(f"\na customer signs up on {reach.site} as {email}")
    await customer.sign_up(email)
    say("  pays on the hosted page with the test card 4242 4242 4242 4242")
    await customer.pay()
    paid = asyncio.get_running_loop().time()
    say("  paid; the status page says:")
    progress = await follow(customer, urljoin(reach.site, "/status"), say, within=_PATIENCE)
    link = await letter(reach, customer, email)
    say(f"  the letter is there (inbox: {reach.inbox}); the customer follows its link")
    furl = await customer.claim(link)
    say(f"  and sees the furl: {masked(furl)}")
    return Bought(furl, progress.seconds, progress.ready_at - paid)


async def store(client: TahoeClient) -> Fetched:
    """A file has been stored in the grid and fetched again. Raises TahoeFailed."""
    done = await client.round_trip()
    times = f"stored {done.size:,} bytes in {done.put_seconds:.1f} s, fetched them in {done.get_seconds:.1f} s"
    say(f"  {times}, every byte the same")
    return done


async def join_by_a_code(reach: Reach, customer: Customer, email: str, done: Fetched) -> None:
    """A second client got into the grid by a code of the account, and has read what the first one stored."""
    say("\nthe customer signs in and makes an invite code, which is nothing but a few letters to type")
    await customer.open(urljoin(reach.site, "/sign-in"))
    await customer.send("sign-in", {"email": email})
    await customer.sign_in(await letter(reach, customer, email, "sign-in/link"))
    code = await customer.invite_code()
    async with TahoeClient.joining(reach.tahoe, reach.mailbox, code) as second:
        say(f"  a second client joins by it: {code} is used up now")
        if await second.get(done.cap) != done.content:
            raise TahoeFailed("the second client reads another file than the first one stored")
    say("  and reads the file that the first one stored")


async def letter(reach: Reach, customer: Customer, email: str, page: str = "claim") -> str:
    """The link to the page in a letter to the address. Raises Refused."""
    deadline = time.monotonic() + _LETTER_PATIENCE
    while (link := await customer.letter_link(reach.inbox, email, page)) is None:
        if time.monotonic() > deadline:
            raise Refused(f"no letter within {_LETTER_PATIENCE:g} s ({reach.logs.format(part='notifier')})")
        await asyncio.sleep(0.1)
    return link


def say(line: str) -> None:
    """One line for the person who watches, now."""
    print(line, flush=True)
