"""The links that the notifier really writes do what their pages are for, from the wish to the end of it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from s4_bus.testing import deliver
from s4_contracts import Event
from s4_contracts.web import EmailChanged, OptionalLettersChosen
from s4_notifier.letters import Desk
from s4_notifier.links import Links
from s4_notifier.settings import Settings
from s4_notifier.store import OwedLetter, claim_letters
from s4_runtime import Secret
from s4_store import Pool
from support.databases import KeptDatabases
from support.notifier_service import KEY, PEM
from support.web_changes import NEW, answers, asks, told
from support.web_peers import Browser
from support.web_site import RunningSite, public_pem, running_site


@pytest.fixture
async def site(web_database: str) -> AsyncIterator[RunningSite]:
    """The site, which trusts the notifier's key."""
    async with running_site(web_database, claim_public_key=public_pem(KEY)) as site:
        site.letter_key = KEY
        yield site


class Mail:
    """The notifier's letters, as it would send them."""

    def __init__(self, pool: Pool, site: RunningSite, settings: Settings) -> None:
        self._pool, self._site = pool, site
        self._routes, self._links = Desk(site.clock, settings).routes(), Links(settings)

    async def hears(self, *events: Event) -> None:
        for event in events:
            await deliver(self._pool, self._routes, event)

    async def due(self) -> dict[str, OwedLetter]:
        """The letters that are to be sent now, by their kind."""
        found = await claim_letters(self._pool, 50, timedelta(minutes=1), self._site.clock.now())
        return {letter.kind: letter for letter, _ in found}

    def token(self, letter: OwedLetter) -> str:
        return _token(self._links.of(letter).address)

    def stop(self, letter: OwedLetter) -> str:
        """The token for letters that one can do without."""
        found = self._links.of(letter).stop
        assert found, letter.kind
        return _token(found)


def _token(address: Secret) -> str:
    return parse_qs(urlsplit(address.reveal()).query)["token"][0]


@pytest.fixture
async def mail(site: RunningSite, kept_databases: KeptDatabases) -> AsyncIterator[Mail]:
    async with Pool.open(await kept_databases.of("s4_notifier")) as pool:
        settings = Settings(
            database_url=pool.url,
            amqp_url=Secret("unused"),
            deployment="test",
            smtp_host="unused",
            smtp_port=1,
            smtp_user="unused",
            smtp_password=Secret("unused"),
            mail_from="S4 <hello@s4.example>",
            public_url=site.origin,
            claim_private_key=Secret(PEM),
        )
        yield Mail(pool, site, settings)


async def test_both_letters_about_another_address_confirm_it(site: RunningSite, browser: Browser, mail: Mail) -> None:
    buyer = await site.a_member(browser)
    await mail.hears(buyer.paid())
    await asks(site, browser, buyer)
    await mail.hears(*(await site.emitted()))
    letters = await mail.due()
    assert letters["email-new"].recipient == NEW
    for kind in ("email-new", "email-old"):
        async with site.browser() as mailbox:
            assert (await answers(mailbox, mail.token(letters[kind]))).status == 200
    assert [event.email for event in await told(site, EmailChanged)] == [NEW]


async def test_a_letter_that_one_can_do_without_stops_its_kind(site: RunningSite, browser: Browser, mail: Mail) -> None:
    buyer = await site.a_member(browser)
    await mail.hears(buyer.paid(), buyer.furl_issued())
    await site.later(days=8)
    letters = await mail.due()
    optional = [letter for kind, letter in letters.items() if kind.startswith("checklist")]
    assert optional
    async with site.browser() as mailbox:
        page = await mailbox.get("/letters/stop", params={"token": mail.stop(optional[0])})
        assert page.status == 200
        url = f"{site.origin}/letters/stop"
        async with site.session.post(url, params={"token": mail.stop(optional[0])}) as answer:
            assert answer.status == 200
    assert [event.wanted for event in await told(site, OptionalLettersChosen)] == [False]
