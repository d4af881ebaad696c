"""Somebody who uses everything that an account has, and keeps whatever on the way would let its bearer in."""

import asyncio
import re
from contextlib import suppress
from urllib.parse import urljoin, urlsplit

import aiohttp
import pytest

from s4_shop.demo.customer import Customer, Refused
from s4_shop.shop import Shop
from support.buyer import Buyer
from support.doors import csrf, embedded
from support.ledger import SERVICES, Ledger
from support.stripe_double import GOOD_CARD, StripeDouble
from support.waiting import until

_LINK = re.compile(r"https?://\S+/sign-in/link\?token=([\w.~-]+)")
_PORTAL = "POST /v1/billing_portal/sessions"
_DOORS = ("web", "billing", "billing-operator", "provisioner", "provisioner-operator", "invites", "support")


class Collector:
    """A buyer in a browser; ``known`` is what nobody else may read, by what it is."""

    def __init__(self, shop: Shop, buyer: Buyer, stripe: StripeDouble) -> None:
        self._shop, self._buyer, self._stripe = shop, buyer, stripe
        self._customer = buyer.customer
        self._site = shop.urls["site"]
        self.account = ""
        self.known: dict[str, str] = {}

    async def buy(self) -> None:
        """Paid, after a look at both payment pages."""
        await self._customer.sign_up(self._buyer.email)
        _, secret = await embedded(self._customer, csrf(self._customer))
        self.known["client secret of the payment page"] = str(secret)
        await self._customer.send("pay-hosted", {})
        self.known["address of the payment page"] = urlsplit(self._customer.url).path
        await self._customer.open(urljoin(self._site, "/pay"))
        await self._customer.pay()

    async def sign_in(self) -> None:
        """Signed in by the link in a letter, which then is of no use in another browser."""
        await self._customer.open(urljoin(self._site, "/sign-in"))
        await self._customer.send("sign-in", {"email": self._buyer.email})
        link, token = await until(self._letter, within=30, what="the letter with the link")
        self.known["token for signing in"] = token
        await self._customer.open(link)
        await self._customer.send("enter", {})
        self.account = self._customer.url.partition("?")[0]
        self.known["token of the forms"] = csrf(self._customer)
        for cookie in self._customer.session.cookie_jar:
            self.known[f"cookie {cookie.key}"] = cookie.value
        async with aiohttp.ClientSession() as stranger, stranger.get(link) as answer:
            assert answer.status == 410

    async def look_at_everything(self) -> None:
        """The portal was opened, also while Stripe's answers were cut off; the bill was opened as a page and a file."""
        for flow in ("home", "card"):
            self.known[f"address of the portal, {flow}"] = await self._portal(flow)
        await self._stripe.fault(_PORTAL, "cut_body", times=5)
        self.known["address of the portal, at last"] = await until(
            lambda: self._portal("home"), within=60, what="the portal is back"
        )
        (customer,) = await self._stripe.objects(f"/v1/customers?email={self._buyer.email}")
        (bill,) = await self._stripe.objects(f"/v1/invoices?customer={customer['id']}")
        page = await self._customer.open(self.account)
        (file,) = [link["href"] for link in page.with_attribute("href") if link["href"].endswith("/pdf")]
        async with self._customer.session.get(urljoin(self._site, file), allow_redirects=False) as answer:
            assert answer.headers["Location"] == bill["invoice_pdf"]
        self.known["address of the bill"] = urlsplit(bill["hosted_invoice_url"]).path

    async def be_asked_to_confirm(self) -> None:
        """A larger plan was wanted, and the bank wants to see the cardholder on the bill's page."""
        await self._stripe.order("/cards", number=GOOD_CARD, behaviour="always_authenticate")
        try:
            await self._customer.open(f"{self.account}/plan")
            await self._customer.send("plan", {"plan": "studio"})
            with pytest.raises(Refused, match="402"):
                await self._customer.send("plan-change", {})
        finally:
            await self._stripe.order("/cards", number=GOOD_CARD, behaviour="ok")
        (link,) = [each for each in self._customer.page.with_attribute("id") if each["id"] == "confirm-payment"]
        self.known["address of the bill to confirm"] = urlsplit(link["href"]).path

    async def _letter(self) -> tuple[str, str] | None:
        letters = await Ledger(self._shop).letters(self._buyer.email)
        found = next((match for letter in letters if (match := _LINK.search(letter["text"]))), None)
        return (found[0], found[1]) if found else None

    async def _portal(self, flow: str) -> str:
        """Where the button leads; nothing if nowhere now."""
        form = {"csrf": self.known["token of the forms"], "flow": flow}
        async with self._customer.session.post(f"{self.account}/portal", data=form, allow_redirects=False) as answer:
            assert answer.status in {303, 503}, answer.status
            return urlsplit(answer.headers.get("Location", "")).path


async def guess(shop: Shop) -> dict[str, str]:
    """What strangers tried as tokens: somebody else's secrets may be among them."""
    doors = {"billing": "/plans", "provisioner": "/", "billing-operator": "/operator/audit"}
    tried = {f"guess at {door}": f"guess-at-{door}-8f3a1c5e7b" for door in doors}
    async with aiohttp.ClientSession() as stranger:
        for door, path in doors.items():
            headers = {"Authorization": f"Bearer {tried[f'guess at {door}']}"}
            async with stranger.get(shop.wiring.addresses.url(door) + path, headers=headers) as answer:
                assert answer.status == 401
    async with Customer(shop.wiring.addresses.url("support")) as stranger_at_desk:
        tried["guess at support"] = "guess-at-support-8f3a1c5e7b"
        await stranger_at_desk.open("/sign-in")
        with pytest.raises(Refused, match="403"):
            await stranger_at_desk.send(None, {"token": tried["guess at support"]})
    return tried


async def spill(shop: Shop, known: dict[str, str]) -> None:
    """Every listener got requests that it cannot read, with everything in them that lets its bearer in."""
    doors = [f"{service}-probes" for service in SERVICES] + list(_DOORS)
    lines = [secret.encode() for secret in known.values()]
    for door in doors:
        for line in (*lines, b"; ".join(lines) + b"x" * 9000):
            await _send(shop, door, b"GET / HTTP/1.1\r\nHost: s4\r\nCookie: in=" + line + b"\x01\r\n\r\n")
            await _send(shop, door, b"GET /sign-in/link?token=" + line + b"\x01 HTTP/1.1\r\nHost: s4\r\n\r\n")
    for line in lines:
        await _report(shop, line)


async def _send(shop: Shop, door: str, request: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.wiring.addresses.port(door))
    writer.write(request)
    with suppress(ConnectionError):
        assert b" 400 " in await reader.readline()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def _report(shop: Shop, line: bytes) -> None:
    """A letter for the mailbox of reports that has the line wherever a letter can have one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.wiring.addresses.port("notifier-reports"))
    envelope = b"EHLO s4\r\nMAIL FROM:<" + line + b"@example.com>\r\nRCPT TO:<bounces+" + line + b"@example.com>\r\n"
    writer.write(envelope + b"DATA\r\nSubject: " + line + b"\r\n\r\n" + line + b"\r\n.\r\nQUIT\r\n")
    with suppress(ConnectionError):
        assert (await reader.read()).startswith(b"220 ")
    writer.close()
