"""A customer on the machine on which compose runs, with a browser.

python visit.py pay|claim|enter|invite EMAIL SECONDS: he knows the published ports only, and says what he has got.
"""

import asyncio
import json
import sys

from s4_shop.demo.customer import Customer, masked

SITE, INBOX = "http://localhost:8080", "http://localhost:2580"


async def _pay(email: str) -> dict[str, str]:
    async with Customer(SITE) as customer:
        await customer.sign_up(email)
        await customer.pay()
        return {"at": customer.url}


async def _claim(email: str) -> dict[str, str]:
    async with Customer(SITE) as customer:
        return {"furl": masked(await customer.claim(await _link(customer, email, "claim")))}


async def _enter(email: str) -> dict[str, str]:
    """Only who has an account gets a letter."""
    async with Customer(SITE) as customer:
        await _sign_in(customer, email)
        return {"at": customer.url}


async def _invite(email: str) -> dict[str, str]:
    async with Customer(SITE) as customer:
        await _sign_in(customer, email)
        return {"code": await customer.invite_code()}


async def _sign_in(customer: Customer, email: str) -> None:
    await customer.open(f"{SITE}/sign-in")
    await customer.send("sign-in", {"email": email})
    await customer.sign_in(await _link(customer, email, "sign-in/link"))


async def _link(customer: Customer, email: str, page: str) -> str:
    while True:
        if link := await customer.letter_link(INBOX, email, page):
            return link
        await asyncio.sleep(0.2)


async def main(what: str, email: str, patience: str) -> int:
    """0 when he has got it; 75 when it took longer than so many seconds (sysexits: try again)."""
    visits = {"pay": _pay, "claim": _claim, "enter": _enter, "invite": _invite}
    try:
        async with asyncio.timeout(float(patience)):
            sys.stdout.write(json.dumps(await visits[what](email)))
    except TimeoutError:
        return 75
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
