"""Letters that one can do without: stopped on the account, by the link, or by the mail program itself."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from s4_contracts.ids import AccountId, LetterId
from s4_contracts.notifier import LetterComplained
from s4_contracts.web import OptionalLettersChosen
from s4_runtime import new_id
from support.web_changes import another_grid, letters_link, send, told
from support.web_peers import Browser, Page
from support.web_site import Buyer, RunningSite

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


async def choices(site: RunningSite) -> list[tuple[str, bool]]:
    return [(event.account_id, event.wanted) for event in await told(site, OptionalLettersChosen)]


async def one_click(site: RunningSite, token: str, **sent: object) -> tuple[int, str]:
    """What a mail program sends: no cookie, no origin, no form of ours."""
    url = f"{site.origin}/letters/stop"
    async with site.session.post(url, params={"token": token}, allow_redirects=False, **sent) as answer:  # type: ignore[arg-type]  # any request
        return answer.status, await answer.text()


async def test_the_owner_turns_them_off_and_on_for_all_accounts(site: RunningSite, browser: Browser) -> None:
    first = await another_grid(site)
    buyer = await site.a_member(browser)
    for wanted, words in (("no", "You get no more reminders"), ("yes", "You get reminders and checklists again")):
        await send(browser, buyer, "letters", wanted=wanted)
        sent = await send(browser, buyer, "letters", wanted=wanted)
        assert (sent.status, sent.place) == (303, f"/account/{buyer.account_id}?done=letters#settings-title")
        assert words in (await browser.get(sent.place)).text
    both = sorted([first.account_id, buyer.account_id])
    assert await choices(site) == [(each, wanted) for wanted in (False, True) for each in both]


async def test_what_holds_already_is_not_told(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    assert (await send(browser, buyer, "letters", wanted="yes")).status == 303
    assert await choices(site) == []


async def test_who_called_a_letter_spam_sees_that_they_get_no_more_and_can_have_them_again(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser)
    complained = LetterComplained(
        account_id=AccountId(buyer.account_id),
        letter_id=LetterId(new_id()),
        kind="checklist-1",
        occurred_at=site.clock.now(),
    )
    await site.hears(complained, complained)
    assert "and nothing else." in (await browser.get(f"/account/{buyer.account_id}")).text
    assert await choices(site) == []
    await site.later(minutes=1)
    await send(browser, buyer, "letters", wanted="yes")
    assert await choices(site) == [(buyer.account_id, True)]
    await site.hears(complained)
    assert "Send me no reminders" in (await browser.get(f"/account/{buyer.account_id}")).text


@pytest.mark.parametrize("wanted", ["", "maybe", "YES"])
async def test_a_choice_that_there_is_not_is_refused(site: RunningSite, browser: Browser, wanted: str) -> None:
    buyer = await site.a_member(browser)
    assert (await send(browser, buyer, "letters", wanted=wanted)).status == 400
    assert await choices(site) == []


async def test_a_person_follows_the_link_and_presses_a_button(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    async with site.browser() as mailbox:
        page = await mailbox.get("/letters/stop", params={"token": letters_link(buyer)})
        assert (page.status, page.heading) == (200, "Stop reminders and checklists?")
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert await choices(site) == []
        action = page.text.partition('action="')[2].partition('"')[0]
        page = await mailbox.post(action)
        assert (page.status, page.heading) == (200, "No more reminders and checklists")
    assert await choices(site) == [(buyer.account_id, False)]
    assert "and nothing else" in (await browser.get(f"/account/{buyer.account_id}")).text


async def test_a_mail_program_stops_them_by_itself_as_often_as_it_likes(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    token = letters_link(buyer)
    bodies: list[dict[str, object]] = [
        {"data": ONE_CLICK},
        {
            "data": b"--x\r\nContent-Disposition: form-data\r\n\r\nOne-Click\r\n--x--",
            "headers": _of("multipart/form-data"),
        },
        {"data": b"\xff\xfe", "headers": _of("text/plain")},
        {"headers": {"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"}},
        {},
    ]
    for sent in bodies:
        status, text = await one_click(site, token, **sent)
        assert (status, "No more reminders" in text) == (200, True), sent
    assert await choices(site) == [(buyer.account_id, False)]


def _of(kind: str) -> dict[str, str]:
    return {"Content-Type": f"{kind}; boundary=x"}


async def test_a_link_works_however_old_its_letter_is(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    token = letters_link(buyer)
    old = letters_link(buyer, exp=int(site.clock.now().timestamp()))
    await site.later(days=400)
    assert (await one_click(site, token))[0] == (await one_click(site, old))[0] == 200
    assert await choices(site) == [(buyer.account_id, False)]


async def test_the_link_stops_the_letters_to_all_accounts_of_its_reader(site: RunningSite, browser: Browser) -> None:
    bobs = await another_grid(site, "bob@example.org")
    first = await another_grid(site)
    buyer = await site.a_member(browser)
    await one_click(site, letters_link(first))
    assert {account for account, _ in await choices(site)} == {first.account_id, buyer.account_id}
    assert bobs.account_id not in {account for account, _ in await choices(site)}


async def test_a_link_that_we_did_not_make_for_this_stops_nothing(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    tokens = ["", "x", "A" * 5000, buyer.link(), buyer.sign_in_link()]
    tokens += [letters_link(buyer, **claims) for claims in ({"aud": "s4-web-email"}, {"iss": "x"}, {"sub": "1"})]
    tokens.append(letters_link(buyer, key=Ed25519PrivateKey.generate()))
    for token in tokens:
        page: Page = await browser.get("/letters/stop", params={"token": token})
        assert (page.status, page.heading) == (404, "This link is not one of ours"), token
        assert (await one_click(site, token, data=ONE_CLICK))[0] == 404
    assert await choices(site) == []


async def test_the_link_is_good_for_nothing_else(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    now = int(site.clock.now().timestamp())
    token = letters_link(buyer, grid=buyer.grid_id, ref=buyer.claim_ref, exp=now + 60, rid=buyer.letter_id, side="old")
    for path in ("/claim", "/sign-in/link", "/email/confirm"):
        assert (await browser.get(path, params={"token": token})).status == 404


async def test_no_other_form_is_taken_without_a_cookie(site: RunningSite, browser: Browser) -> None:
    buyer: Buyer = await site.a_member(browser)
    token = letters_link(buyer)
    for path in ("/letters/stop/", "/letters/stopp", "/email/confirm", f"/account/{buyer.account_id}/letters"):
        async with site.session.post(f"{site.origin}{path}", params={"token": token}, data=ONE_CLICK) as answer:
            assert answer.status == 403, path
    assert await choices(site) == []
