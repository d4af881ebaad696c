"""The language of letters: proposed by the browser, chosen at signup, changed on the account; only news is told."""

import pytest

from s4_contracts.web import LanguageChosen
from support.web_changes import another_grid, send, told
from support.web_peers import Browser, Page
from support.web_site import RunningSite


def selected(page: Page) -> str:
    return page.text.partition(" selected>")[0].rpartition('value="')[2].partition('"')[0]


async def chosen(site: RunningSite) -> list[tuple[str, str]]:
    return [(event.account_id, event.language) for event in await told(site, LanguageChosen)]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr,en;q=0.5,de;q=0.7", "de"),
        ("EN-gb, de;q=0.9", "en"),
        ("fr", "en"),
        ("de;q=0", "en"),
        ("de;q=nonsense", "en"),
        ("de;q=nan,en", "en"),
        ("*", "en"),
        ("", "en"),
        ("," * 5000 + "de", "en"),
        ("de" * 3000, "en"),
    ],
)
async def test_the_form_proposes_what_the_browser_prefers(
    site: RunningSite, browser: Browser, accepted: str, language: str
) -> None:
    page = await browser.get("/signup", headers={"Accept-Language": accepted})
    assert (page.status, selected(page)) == (200, language)


async def test_what_is_chosen_at_signup_is_told_for_the_new_account(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up(language="de")
    buyer = await site.buyer()
    assert await chosen(site) == [(buyer.account_id, "de")]
    assert selected(await browser.get("/signup")) == "de"
    await browser.sign_up(language="de")
    assert len(await chosen(site)) == 1
    await browser.sign_up(language="en")
    assert await chosen(site) == [(buyer.account_id, "de"), (buyer.account_id, "en")]


async def test_english_holds_without_being_told(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up(language="en")
    assert await chosen(site) == []


@pytest.mark.parametrize("language", ["", "fr", "DE", "<b>", "x" * 5000])
async def test_a_signup_in_a_language_that_there_is_not_is_a_signup_nevertheless(
    site: RunningSite, browser: Browser, language: str
) -> None:
    sent = await browser.sign_up(language=language)
    assert (sent.status, sent.place) == (303, "/pay")
    assert await chosen(site) == []


async def test_a_form_from_before_there_was_a_choice_takes_the_browsers(site: RunningSite, browser: Browser) -> None:
    form = {"email": "ada@example.com", "plan": "personal", "terms": "yes", "csrf": await browser.csrf()}
    await browser.post("/signup", form, headers={"Accept-Language": "de-DE"})
    assert [language for _, language in await chosen(site)] == ["de"]


async def test_the_language_is_kept_when_the_form_has_a_mistake(site: RunningSite, browser: Browser) -> None:
    page = await browser.sign_up(email="nobody", language="de")
    assert (page.status, selected(page)) == (422, "de")
    assert await chosen(site) == []


async def test_the_owner_changes_it_for_all_accounts(site: RunningSite, browser: Browser) -> None:
    first = await another_grid(site)
    buyer = await site.a_member(browser)
    await send(browser, buyer, "language", language="de")
    sent = await send(browser, buyer, "language", language="de")
    assert (sent.status, sent.place) == (303, f"/account/{buyer.account_id}?done=language#settings-title")
    page = await browser.get(sent.place)
    assert "Your letters come in Deutsch from now on" in page.text
    assert selected(page) == "de"
    assert sorted(await chosen(site)) == sorted([(first.account_id, "de"), (buyer.account_id, "de")])


@pytest.mark.parametrize("language", ["", "fr", "de-DE", "DE"])
async def test_another_language_is_refused(site: RunningSite, browser: Browser, language: str) -> None:
    buyer = await site.a_member(browser)
    page = await send(browser, buyer, "language", language=language)
    assert (page.status, page.heading) == (422, "Please choose one of the languages")
    assert await chosen(site) == []


async def test_nobody_chooses_for_another(site: RunningSite, browser: Browser) -> None:
    bobs = await another_grid(site, "bob@example.org")
    buyer = await site.a_member(browser)
    assert (await send(browser, bobs, "language", language="de")).status == 404
    assert (await send(browser, bobs, "letters", wanted="no")).status == 404
    assert (await browser.post(f"/account/{buyer.account_id}/language", {"language": "de"})).status == 403
    assert await chosen(site) == []
