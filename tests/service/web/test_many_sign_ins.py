"""Thousands of requests to sign in: few letters, few rows, no memory kept, and nothing learnt about who is known."""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from s4_contracts.web import SignInRequested
from support.asked_sql import Asked, listening_pool
from support.web_peers import Browser
from support.web_site import RunningSite, running_site

KNOWN, UNKNOWN = "ada@example.com", "eve@example.com"
LANES = 8
PAGE_BYTES = 4096


@pytest.fixture
async def site(web_database: str) -> AsyncIterator[RunningSite]:
    """Behind a proxy, so that a test can come from anywhere; with the limits that we run with."""
    async with running_site(web_database, trusted_proxies=["127.0.0.0/8"]) as site:
        async with site.browser() as browser:
            await browser.sign_up(KNOWN)
        buyer = await site.buyer()
        await site.hears(buyer.paid(email=KNOWN))
        buyer.has_account()
        yield site


class Crowd:
    """Many who ask to sign in, each from where it is told."""

    def __init__(self, site: RunningSite, browser: Browser, csrf: str) -> None:
        self._site, self._session, self._csrf = site, browser.session, csrf
        self.statuses: Counter[int] = Counter()

    async def ask(self, email: str, place: str) -> tuple[int, str, str]:
        """Status, place and text of the answer."""
        form = {"csrf": self._csrf, "email": email}
        url, headers = self._site.origin + "/sign-in", {"X-Forwarded-For": place}
        async with self._session.post(url, data=form, headers=headers, allow_redirects=False) as answer:
            self.statuses[answer.status] += 1
            return answer.status, answer.headers.get("Location", ""), await answer.text()

    async def all_ask(self, asked: list[tuple[str, str]]) -> None:
        """Every one of them, a few at a time."""
        waiting = iter(asked)

        async def lane() -> None:
            for email, place in waiting:
                await self.ask(email, place)

        await asyncio.gather(*(lane() for _ in range(LANES)))


@pytest.fixture
async def crowd(site: RunningSite) -> AsyncIterator[Crowd]:
    async with site.browser() as browser:
        yield Crowd(site, browser, await browser.csrf())


def from_everywhere(count: int) -> list[str]:
    return [f"198.{18 + n // 65536}.{n // 256 % 256}.{n % 256}" for n in range(count)]


def resident() -> int:
    """Bytes of memory that this process, and so the site, has."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


async def letters(site: RunningSite) -> int:
    return len([event for event in await site.emitted() if isinstance(event, SignInRequested)])


async def flood(site: RunningSite, crowd: Crowd, count: int) -> None:
    """One mailbox from everywhere, every mailbox from one place, and one mailbox from one place."""
    third = count // 3
    await crowd.all_ask([(KNOWN, place) for place in from_everywhere(third)])
    assert await letters(site) <= site.settings.sign_ins_per_email
    assert crowd.statuses[303] == site.settings.sign_ins_per_email
    rows = await site.count("counters")
    await crowd.all_ask([(f"person{n}@example.com", "203.0.113.7") for n in range(third)])
    assert await site.count("counters") - rows <= 2 * (site.settings.sign_ins_per_address + LANES)
    await crowd.all_ask([(KNOWN, "203.0.113.8")] * third)
    assert await letters(site) <= site.settings.sign_ins_per_email
    assert set(crowd.statuses) == {303, 429}
    assert crowd.statuses[303] <= site.settings.sign_ins_per_email + site.settings.sign_ins_per_address


async def test_a_flood_of_wishes_to_sign_in_is_few_letters_and_few_rows(site: RunningSite, crowd: Crowd) -> None:
    await flood(site, crowd, 300)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_ten_thousand_wishes_to_sign_in_leave_nothing_behind(
    site: RunningSite, crowd: Crowd, record_property: Any
) -> None:
    await crowd.all_ask([(UNKNOWN, "203.0.113.1")] * 500)
    crowd.statuses.clear()
    before = resident()
    await flood(site, crowd, 10_000)
    grown = resident() - before
    rows, told = await site.count("counters"), await letters(site)
    await site.clock.advance(timedelta(hours=2))
    await crowd.ask(UNKNOWN, "203.0.113.9")
    left = await site.count("counters")
    note = f"10,000 wishes to sign in: {told} letters, {rows} rows, {left} left later, {grown / 1e6:.1f} MB more"
    record_property("note", note)
    assert grown < 30e6
    assert left <= 2


async def test_whether_an_address_is_known_is_not_told_however_often_it_is_asked(
    site: RunningSite, crowd: Crowd
) -> None:
    known = [await crowd.ask(KNOWN, f"192.0.2.{n}") for n in range(8)]
    unknown = [await crowd.ask(UNKNOWN, f"198.51.100.{n}") for n in range(8)]
    assert [(status, place, text.replace(KNOWN, UNKNOWN)) for status, place, text in known] == unknown
    assert await letters(site) == 1


async def test_a_known_address_costs_one_statement_more_and_no_other_question(web_database: str) -> None:
    """The letter's row. Few tries for each address, over a network, do not show a fraction of a millisecond."""
    async with running_site(web_database) as site, site.browser() as browser:
        await browser.sign_up(KNOWN)
        buyer = await site.buyer()
        await site.hears(buyer.paid(email=KNOWN))
        unknown, known = await _statements(site)
    assert sum(known.values()) - sum(unknown.values()) <= 1
    assert set(unknown) <= set(known)


async def _statements(site: RunningSite) -> list[dict[str, int]]:
    """Which statements a wish costs, and how often: of somebody unknown, and of somebody known."""
    asked, found = Asked(), []
    async with listening_pool(site.settings.database_url.reveal(), asked, size=1) as pool, ClientSession() as session:
        other = RunningSite(pool, site.settings, site.letter_key)
        other.billing, other.provisioner, other.invites = site.billing, site.provisioner, site.invites
        other.session = session
        async with other.replica(limit_window=timedelta(hours=1)) as origin, site.browser(origin) as browser:
            csrf = await browser.csrf()
            for email in (KNOWN, UNKNOWN, UNKNOWN, KNOWN):  # the first two so that everything is prepared
                asked.forget()
                form, from_site = {"csrf": csrf, "email": email}, {"Origin": site.origin}
                assert (await browser.post("/sign-in", form, headers=from_site)).status == 303
                found.append(dict(asked.times))
    return found[2:]
