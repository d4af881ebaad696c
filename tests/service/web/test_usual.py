"""How long it usually takes is said where it is known from our own grids, and when it takes longer."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from s4_contracts.billing import RefundIssued
from s4_contracts.ids import RefundId, SubscriptionId
from s4_runtime import new_id
from support.past_grids import past_grids
from support.web_peers import Browser, Page
from support.web_site import Buyer, RunningSite

USUALLY = "Usually ready within"


async def bought(site: RunningSite, browser: Browser) -> tuple[Buyer, Page]:
    await browser.sign_up()
    buyer = await site.buyer()
    await site.hears(buyer.paid(), buyer.progressed("identity", "started"))
    return buyer, await browser.get("/status")


async def test_the_page_says_what_the_whole_and_each_step_usually_take(site: RunningSite, browser: Browser) -> None:
    await past_grids(site, 5, 5.0)
    _, page = await bought(site, browser)
    assert f"{USUALLY} <strong>40 s</strong>" in page.text
    assert page.text.count("usually 5 s") == 9
    assert 'role="progressbar"' in page.text
    assert 'aria-valuetext="0 of 9 steps are done"' in page.text


async def test_nine_of_ten_are_what_is_promised_and_half_of_them_what_is_usual(
    site: RunningSite, browser: Browser
) -> None:
    await past_grids(site, 8, 2.0)
    await past_grids(site, 1, 5.0)
    await past_grids(site, 1, 60.0)
    _, page = await bought(site, browser)
    assert f"{USUALLY} <strong>1 min 30 s</strong>" in page.text
    assert "usually 2 s" in page.text


@pytest.mark.parametrize(("count", "plan", "days"), [(4, "personal", 1), (50, "studio", 1), (50, "personal", 31)])
async def test_nothing_is_claimed_from_few_grids_or_others_or_old_ones(
    site: RunningSite, browser: Browser, count: int, plan: str, days: int
) -> None:
    await past_grids(site, count, 5.0, plan=plan, ago=timedelta(days=days))
    _, page = await bought(site, browser)
    assert page.state == "provisioning"
    assert "sually" not in page.text


async def test_only_the_latest_count(site: RunningSite, browser: Browser) -> None:
    await past_grids(site, 300, 50.0, ago=timedelta(days=2))
    await past_grids(site, 200, 1.0)
    _, page = await bought(site, browser)
    assert f"{USUALLY} <strong>8 s</strong>" in page.text


async def test_what_was_found_is_believed_for_a_minute(site: RunningSite, browser: Browser) -> None:
    await past_grids(site, 5, 5.0)
    await bought(site, browser)
    await past_grids(site, 200, 1.0, ago=timedelta(0))
    assert f"{USUALLY} <strong>40 s" in (await browser.get("/status")).text
    await site.later(seconds=61)
    assert f"{USUALLY} <strong>8 s" in (await browser.get("/status")).text


async def test_what_takes_longer_than_usual_is_said(site: RunningSite, browser: Browser) -> None:
    await past_grids(site, 5, 5.0)
    buyer, _ = await bought(site, browser)
    await site.later(seconds=7)
    page = await browser.get("/status")
    assert "takes longer than usual" not in page.text
    assert "longer than usual" in page.text
    assert '<span data-clock="7.0">7.0 s</span> so far, usually 5 s' in page.text
    await site.later(seconds=34)
    page = await browser.get("/status")
    assert "This takes longer than usual. We go on by ourselves" in page.text
    assert "You need not wait here: a letter comes to a•••@example.com" in page.text
    assert 'data-clock="41.0"' in page.text
    await site.hears(buyer.ready(), buyer.furl_issued(), buyer.letter())
    assert "longer than usual" not in (await browser.get("/status")).text


async def test_the_time_of_the_next_try_is_said_until_it_has_come(site: RunningSite, browser: Browser) -> None:
    buyer, _ = await bought(site, browser)
    again = site.clock.now() + timedelta(seconds=40)
    await site.hears(buyer.progressed("identity", "retrying", next_try_at=again, attempt=3))
    assert "12:00:41 UTC</time>" in (await browser.get("/status")).text
    await site.later(seconds=41)
    page = await browser.get("/status")
    assert (page.steps["identity"], "12:00:41" in page.text) == ("retrying", False)


async def test_the_letters_time_is_counted_from_the_furl_on_and_only_for_the_first(
    site: RunningSite, browser: Browser
) -> None:
    buyer, _ = await bought(site, browser)
    await site.hears(buyer.ready(), buyer.furl_issued())
    await site.later(seconds=2)
    assert '<span data-clock="2.0">2.0 s</span> so far' in (await browser.get("/status")).text
    await site.hears(buyer.letter())
    await site.later(minutes=5)
    await site.hears(buyer.letter())
    assert '<time datetime="PT2.0S">2.0 s</time>' in (await browser.get("/status")).text


async def test_who_gets_no_grid_reads_how_much_comes_back_and_until_when(site: RunningSite, browser: Browser) -> None:
    buyer, _ = await bought(site, browser)
    await site.hears(buyer.failed(final=True))
    page = await browser.get("/status")
    assert (page.state, "goes back to you in full" in page.text) == ("failed", True)
    assert '<noscript><meta http-equiv="refresh"' in page.text
    refund = RefundIssued(
        account_id=buyer.account_id,
        signup_id=buyer.signup_id,
        subscription_id=SubscriptionId(new_id()),
        refund_id=RefundId(new_id()),
        amount=2975,
        currency="usd",
        reason="not-provided",
        revision=2,
        occurred_at=site.clock.now(),
    )
    await site.hears(refund)
    page = await browser.get("/status")
    assert "<strong>$29.75</strong> is on its way back" in page.text
    assert "by 13 March 2026" in page.text
    assert "http-equiv" not in page.text


async def test_who_was_charged_nothing_is_promised_nothing(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    buyer = await site.buyer()
    await site.hears(replace(buyer.paid(), trial_end=site.clock.now() + timedelta(days=14)), buyer.failed(final=True))
    page = await browser.get("/status")
    assert "Nothing was charged, so nothing has to come back" in page.text
    assert "goes back to you in full" not in page.text
