"""A customer with a browser that runs no JavaScript."""

import re
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

from s4_shop.demo.forms import Page

TEST_CARD = {
    "number": "4242 4242 4242 4242",
    "expiry": "12 / 34",
    "cvc": "123",
    "name": "Test Customer",
    "country": "DE",
    "postal_code": "10115",
    "terms": "yes",
}


class Refused(Exception):
    """A page answered what no customer wants to see; the text says which and how."""


class Customer:
    """One browser: cookies, the page it shows, forms to send."""

    def __init__(self, site: str, resolver: AbstractResolver | None = None) -> None:
        self._site = site
        # The site may be at an IP address here, where cookies are not kept unless asked for.
        jar, connector = aiohttp.CookieJar(unsafe=True), aiohttp.TCPConnector(resolver=resolver)
        self._session = aiohttp.ClientSession(cookie_jar=jar, connector=connector)
        self.url = site
        self.page = Page("")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The browser's connections and cookies."""
        return self._session

    async def open(self, path: str) -> Page:
        """The page at this path or address is shown. Raises Refused."""
        async with self._session.get(urljoin(self.url, path)) as answer:
            return await self._shown(answer)

    async def send(self, form_id: str | None, values: Mapping[str, str]) -> Page:
        """The form is sent with these values typed in; the page that follows is shown. Raises Refused."""
        form = self.page.form(form_id)
        if form is None:
            raise Refused(f"{_place(self.url)} has no form {form_id or 'to send'}")
        # A browser says where a form comes from (Fetch standard, "append a request Origin header").
        parts = urlsplit(self.url)
        headers = {"Origin": f"{parts.scheme}://{parts.netloc}"}
        target = urljoin(self.url, form.action or self.url)
        async with self._session.post(target, data=form.filled(values), headers=headers) as answer:
            return await self._shown(answer)

    async def sign_up(self, email: str, plan: str | None = None) -> None:
        """From the first page to the payment page."""
        await self.open(self._site)
        page = await self.open(urljoin(self._site, "/signup"))
        form = page.form("signup")
        plans = form.choices.get("plan", []) if form else []
        await self.send("signup", {"email": email, "plan": plan or (plans[0] if plans else ""), "terms": "yes"})

    async def pay(self, card: Mapping[str, str] = TEST_CARD) -> None:
        """From the payment page over Stripe's own page and back to the status page."""
        page = await self.send("pay-hosted", {})
        form = page.form()
        known = form.fields.keys() | form.choices.keys() if form else set()
        await self.send(None, {name: value for name, value in card.items() if name in known})
        if not self.url.startswith(self._site):
            raise Refused(f"after paying the browser is still at {_place(self.url)}")

    async def letter_link(self, inbox: str, email: str, page: str = "claim") -> str | None:
        """The link to this page in the newest letter to this address that has one; None while there is none."""
        link = re.compile(rf"https?://\S+/{page}\?token=[\w.~-]+")
        async with self._session.get(f"{inbox}/api/letters", params={"to": email}) as answer:
            letters = (await answer.json())["letters"]
        links = [found for letter in letters for found in link.findall(letter["text"])]
        return links[0] if links else None

    async def claim(self, link: str) -> str:
        """The furl, after pressing the button on the link's page."""
        await self.open(link)
        page = await self.send("claim", {})
        furl = page.texts.get("furl", "").strip()
        if not furl.startswith("pb://"):
            raise Refused(f"{_place(self.url)} shows no furl")
        return furl

    async def sign_in(self, link: str) -> None:
        """The account is shown, after pressing the button on the page of the link in the letter."""
        await self.open(link)
        await self.send("enter", {})

    async def invite_code(self) -> str:
        """A new code for a client; the account is shown before."""
        await self.open(f"{self.url.partition('?')[0]}/invites")
        code = (await self.send("make", {})).texts.get("code", "").strip()
        if not code:
            raise Refused(f"{_place(self.url)} shows no invite code")
        return code

    async def _shown(self, answer: aiohttp.ClientResponse) -> Page:
        text = await answer.text()
        self.url, self.page = str(answer.url), Page(text)
        if not answer.ok:
            words = " ".join(self.page.texts.get("main", "").split())[:200]
            raise Refused(f"{_place(self.url)} answered {answer.status} {words}".rstrip())
        return self.page


def _place(url: str) -> str:
    """An address without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def masked(furl: str) -> str:
    """Enough of a furl to recognise it, too little to use it."""
    _, _, rest = furl.partition("@")
    return f"pb://…@{rest.partition('/')[0]}/…"
