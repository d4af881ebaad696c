"""The status page, as it looks after each thing that can have happened."""

import pytest
from msgspec.structs import replace

from s4_bus.testing import deliver
from s4_contracts.web import InviteRequested
from s4_runtime import new_id
from s4_web.views import routes
from support.web_peers import Browser
from support.web_site import STEPS, RunningSite


async def letters_asked_for(site: RunningSite) -> list[InviteRequested]:
    return [event for event in await site.emitted() if isinstance(event, InviteRequested)]


async def test_each_step_is_shown_as_it_goes(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    buyer = await site.buyer()
    await site.hears(buyer.paid())
    page = await browser.get("/status")
    assert page.state == "provisioning"
    assert page.steps == dict.fromkeys((*STEPS, "letter"), "todo")
    await site.hears(buyer.progressed("identity", "started"))
    assert (await browser.get("/status")).steps["identity"] == "doing"
    await site.later(seconds=2.5)
    await site.hears(buyer.progressed("identity", "done", 2.5), buyer.progressed("bucket", "retrying", attempt=2))
    page = await browser.get("/status")
    assert page.steps["identity"] == "done"
    assert page.steps["bucket"] == "retrying"
    assert '<time datetime="PT2.5S">2.5 s</time>' in page.text
    assert 'data-clock="2.5"' in page.text
    assert '<noscript><meta http-equiv="refresh"' in page.text


async def test_a_ready_grid_says_where_the_letter_went_without_giving_the_address_away(
    site: RunningSite, browser: Browser
) -> None:
    await site.an_owner(browser)
    page = await browser.get("/status")
    assert page.state == "ready"
    assert set(page.steps.values()) == {"done"}
    assert "A letter went to <strong>a•••@example.com</strong>" in page.text
    assert "ada@example.com" not in page.text
    assert "letters@s4.example.com" in page.text
    assert "http-equiv" not in page.text


async def test_a_letter_that_bounced_is_said(site: RunningSite, browser: Browser) -> None:
    buyer = await site.an_owner(browser)
    await site.later(seconds=1)
    await site.hears(buyer.letter(bounced=True))
    page = await browser.get("/status")
    assert "refused our letter" in page.text
    assert page.steps["letter"] == "retrying"


async def test_a_letter_about_something_else_is_not_the_one_with_the_furl(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    buyer = await site.buyer()
    await site.hears(buyer.paid(), replace(buyer.letter(), kind="sign-in"), buyer.ready(), buyer.furl_issued())
    page = await browser.get("/status")
    assert (page.state, page.steps["letter"]) == ("ready", "doing")


async def test_a_step_of_an_unknown_name_is_shown_in_its_place(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    buyer = await site.buyer()
    await site.hears(buyer.paid(), buyer.progressed("warm-pool<b>", "started", position=4))
    page = await browser.get("/status")
    assert "Warm pool&lt;b&gt;" in page.text
    assert page.text.index("warm-pool") > page.text.index('data-step="host"')


@pytest.mark.parametrize(("final", "state"), [(False, "provisioning"), (True, "failed")])
async def test_trouble_is_told_honestly(site: RunningSite, browser: Browser, final: bool, state: str) -> None:  # noqa: FBT001  a parameter of the table
    await browser.sign_up()
    buyer = await site.buyer()
    await site.hears(buyer.paid(), buyer.progressed("host", "started"), buyer.failed(final=final))
    page = await browser.get("/status")
    assert page.state == state
    assert "notice" in page.text
    assert "no-capacity" not in page.text
    assert ("under way" in page.text) == (not final)
    await site.later(seconds=1)
    await site.hears(buyer.progressed("host", "done", 3.0))
    page = await browser.get("/status")
    assert (page.state, "did not work" in page.text) == ("provisioning", False)


async def test_events_in_any_order_and_twice_end_in_the_same_page(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    buyer = await site.buyer()
    started, done = buyer.progressed("boot", "started"), buyer.progressed("boot", "done", 4.0)
    told = [buyer.letter(), buyer.furl_issued(), done, buyer.ready(), started, buyer.paid()]
    await site.later(seconds=1)
    late = buyer.progressed("node", "done", 1.0)
    for event in (late, *told):
        ident = new_id()
        assert await deliver(site.pool, routes(), event, event_id=ident)
        assert not await deliver(site.pool, routes(), event, event_id=ident)
    await site.hears(*reversed(told))
    page = await browser.get("/status")
    assert page.state == "ready"
    assert set(page.steps.values()) == {"done"}
    assert ">4.0 s</time>" in page.text


async def test_an_event_of_a_signup_that_this_site_never_saw_is_no_trouble(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    stranger = await site.buyer()
    stranger.signup_id, stranger.account_id = type(stranger.signup_id)(new_id()), type(stranger.account_id)(new_id())
    await site.hears(stranger.letter())
    await stranger.gets_a_grid()
    assert (await browser.get("/status")).state == "waiting-for-payment"


async def test_without_a_signup_the_page_says_so(site: RunningSite, browser: Browser) -> None:
    page = await browser.get("/status")
    assert (page.status, page.heading) == (404, "No signup is open in this browser")
    assert (await browser.get("/status/events")).status == 404


async def test_the_link_can_be_sent_again_once_a_minute(site: RunningSite, browser: Browser) -> None:
    buyer = await site.an_owner(browser)
    form = {"csrf": (await browser.get("/status")).value("csrf")}
    for _ in range(2):
        sent = await browser.post("/status/letter", form)
        assert (sent.status, sent.place) == (303, "/status?letter=asked")
    assert "A new letter is on its way" in (await browser.get("/status?letter=asked")).text
    (asked,) = await letters_asked_for(site)
    assert (asked.account_id, asked.grid_id) == (buyer.account_id, buyer.grid_id)
    await site.later(minutes=2)
    await browser.post("/status/letter", form)
    assert len(await letters_asked_for(site)) == 2


async def test_letters_are_limited_for_each_grid(site: RunningSite, browser: Browser) -> None:
    await site.an_owner(browser)
    form = {"csrf": (await browser.get("/status")).value("csrf")}
    statuses = [(await browser.post("/status/letter", form)).status for _ in range(7)]
    assert statuses == [303] * 5 + [429] * 2


async def test_no_letter_is_sent_before_there_is_a_furl(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    csrf = await browser.csrf()
    await site.hears((await site.buyer()).paid())
    page = await browser.post("/status/letter", {"csrf": csrf})
    assert page.status == 409
    assert await letters_asked_for(site) == []


async def test_the_paid_event_decides_what_was_bought(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up("ada@example.com", "personal")
    buyer = await site.buyer()
    await site.hears(buyer.paid(email="zoe@example.org", plan="studio"))
    assert "z•••@example.org" in (await browser.get("/status")).text
