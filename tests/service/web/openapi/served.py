"""The site in a thread of its own, asked from outside by one browser that may be signed in."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from s4_runtime import new_id
from s4_web.security import hash_of
from support.web_peers import Browser
from support.web_site import FURL, Buyer, RunningSite, running_site

T = TypeVar("T")
# So that nothing but the limits' own test meets them, and no stream stays open.
_PLENTY = {
    "signups_per_address": 10**6,
    "signups_per_email": 10**6,
    "letters_per_grid": 10**6,
    "furls_per_grid": 10**6,
    "invites_per_grid": 10**6,
    "sign_ins_per_address": 10**6,
    "sign_ins_per_email": 10**6,
    "email_changes_per_person": 10**6,
    "exports_per_grid": 10**6,
    "stream_age": timedelta(milliseconds=50),
}


class Served:
    """What a synchronous test holds."""

    def __init__(self, site: RunningSite, browser: Browser, buyer: Buyer, other: Buyer, csrf: str) -> None:
        self._loop = asyncio.get_running_loop()
        self.site, self.browser, self.buyer, self.other, self.csrf = site, browser, buyer, other, csrf
        self.cookies = {cookie.key: cookie.value for cookie in browser.session.cookie_jar}
        self.name = next(name for name in self.cookies if not name.endswith("-in"))
        self.letter_id, self.invite_id = new_id(), new_id()

    def does(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of something that happens in the site's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def cookies_of(self, who: str) -> dict[str, str]:
        """What the browser of a stranger, a visitor or a member shows."""
        if who == "stranger":
            return {}
        return self.cookies if who == "member" else {self.name: self.cookies[self.name]}

    def signed_in(self) -> None:
        """The browser's session goes on, whatever was done before; the grid and the invite are there."""
        self.does(self._signed_in())

    async def _signed_in(self) -> None:
        session = hash_of(self.cookies[f"{self.name}-in"])
        now = self.site.clock.now()
        await self.site.pool.execute(
            "INSERT INTO sessions (session, letter_id, account_id, signed_in_at) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (session) DO NOTHING",
            *(session, self.letter_id, self.buyer.account_id, now),
        )

    def tokens(self) -> list[str]:
        """Links of every kind and in every state."""
        buyer, other = self.buyer, self.other
        foreign = other.link(exp=0)
        found = [buyer.link(), buyer.link(jti=new_id()), other.link(), foreign, buyer.sign_in_link(), ""]
        found += [other.sign_in_link(), buyer.sign_in_link(exp=1), buyer.link(aud="s4-web-letters")]
        found += [buyer.link(aud="s4-web-email", rid=new_id(), side="old"), buyer.link()[:-2], "a.b.c"]
        return found


async def _another(site: RunningSite, browser: Browser) -> Buyer:
    """Somebody else, with a grid and an address of their own."""
    assert (await browser.sign_up("eve@example.com")).status == 303
    other = await site.buyer()
    await site.hears(other.paid(email="eve@example.com"), other.ready(), other.furl_issued(), other.letter())
    site.provisioner.furls[other.grid_id, other.account_id] = FURL
    other.has_account()
    return other


@contextmanager
def served(database: str) -> Iterator[Served]:
    """The site with a member, and another person who has a grid, too."""
    began, ending = threading.Event(), asyncio.Event()
    held: list[Served] = []
    troubles: list[BaseException] = []

    async def work() -> None:
        async with running_site(database, **_PLENTY) as site, site.browser() as browser, site.browser() as stranger:
            other = await _another(site, stranger)
            buyer = await site.a_member(browser)
            site.invites.grids.add((buyer.grid_id, buyer.account_id))
            site.provisioner.stored[buyer.grid_id] = ["a/1", "b/2"]
            held.append(Served(site, browser, buyer, other, await browser.csrf()))
            began.set()
            await ending.wait()

    def run() -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(work())
        except BaseException as trouble:
            troubles.append(trouble)
            raise
        finally:
            began.set()

    thread = threading.Thread(target=run)
    thread.start()
    began.wait(60)
    if not held:
        thread.join(60)
        raise AssertionError(f"the site did not start: {troubles}")
    try:
        yield held[0]
    finally:
        held[0]._loop.call_soon_threadsafe(ending.set)
        thread.join(60)
