"""What was stored over time: one value for each day, drawn with numbers that are true, and told without the drawing."""

import re
from datetime import date, timedelta

import pytest

from s4_web.accounts.chart import draw
from s4_web.accounts.history import full_on, history
from s4_web.accounts.usage import Day
from support.room import a_measurement
from support.web_peers import Browser, Page
from support.web_site import Buyer, RunningSite

TODAY, GB = date(2026, 3, 1), 10**9
QUOTA = 250 * GB


def a_day(ago: int, stored: int, quota: int | None = QUOTA) -> Day:
    return Day(TODAY - timedelta(days=ago), stored, quota)


def filling(days: int, by: int, start: int = 0) -> list[Day]:
    """So many days up to today; each adds this much."""
    return [a_day(days - 1 - number, start + by * number) for number in range(days)]


async def measured(site: RunningSite, buyer: Buyer, days: list[Day]) -> None:
    """The provisioner has told of these days."""
    for day in days:
        at = site.clock.now() - (TODAY - day.day)
        account, signup = buyer.account_id, buyer.signup_id
        await site.hears(a_measurement(at, account, signup, day.stored_bytes, quota=day.quota_bytes))


async def shown(browser: Browser, buyer: Buyer, query: str = "") -> Page:
    page = await browser.get(f"/account/{buyer.account_id}{query}")
    assert page.status == 200
    return page


def rows(page: Page) -> list[tuple[str, str]]:
    """The table: the day and what was stored."""
    table = page.text.partition('id="usage-days"')[2].partition("</table>")[0]
    return re.findall(r'<time datetime="([^"]+)">.*?<td class="number">([^<]+)</td>', table)


async def test_the_last_month_is_drawn_with_its_quota_and_told_in_a_table(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await measured(site, buyer, filling(40, 5 * GB))
    page = await shown(browser, buyer)
    assert 'id="usage-chart" data-days="30"' in page.text
    assert page.text.count("quota 250 GB") == 2
    assert rows(page)[0] == ("2026-03-01", "195 GB")
    assert rows(page)[-1] == ("2026-01-31", "50 GB")
    assert len(rows(page)) == 30
    assert "55 GB are free." in page.text


@pytest.mark.parametrize(
    ("asked", "days", "listed"), [("90", "90", 30), ("365", "365", 31), ("<b>", "30", 30), ("-1", "30", 30)]
)
async def test_other_spans_have_fewer_rows_than_days(
    site: RunningSite, browser: Browser, asked: str, days: str, listed: int
) -> None:
    buyer = await site.a_member(browser)
    rows_of = [
        (buyer.signup_id, day.day, day.stored_bytes, day.quota_bytes, site.clock.now()) for day in filling(365, GB)
    ]
    for row in rows_of:
        await site.pool.execute("INSERT INTO usage_days VALUES ($1, $2, $3, $4, $5)", *row)
    await measured(site, buyer, [a_day(0, 364 * GB)])
    page = await browser.get(f"/account/{buyer.account_id}", params={"days": asked})
    assert f'data-days="{days}"' in page.text
    assert len(rows(page)) == listed
    assert "<b>" not in page.text


async def test_of_one_day_the_last_value_counts_in_whatever_order_it_comes(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    now = site.clock.now().replace(hour=12)
    told = [
        a_measurement(now - timedelta(hours=hours), buyer.account_id, buyer.signup_id, stored * GB, quota=QUOTA)
        for hours, stored in ((0, 9), (6, 5), (3, 7))
    ]
    await site.hears(*told, *told)
    assert rows(await shown(browser, buyer)) == [("2026-03-01", "9 GB")]


async def test_what_is_older_than_a_year_and_a_month_is_forgotten(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await measured(site, buyer, [a_day(500, GB), a_day(400, GB), a_day(399, GB), a_day(0, GB)])
    kept = await site.pool.fetch("SELECT day FROM usage_days ORDER BY day")
    assert [(TODAY - row["day"]).days for row in kept] == [399, 0]


async def test_without_any_measurement_nothing_is_drawn(site: RunningSite, browser: Browser) -> None:
    page = await shown(browser, await site.a_member(browser))
    assert "usage-chart" not in page.text


async def test_when_it_is_full_is_foretold_only_with_enough_behind_it(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await measured(site, buyer, filling(20, 5 * GB)[:10])
    assert "full-on" not in (await shown(browser, buyer)).text
    await measured(site, buyer, filling(20, 5 * GB)[10:])
    page = await shown(browser, buyer)
    assert page.text.count('<time datetime="2026-04-01">1 April 2026</time>') == 1


@pytest.mark.parametrize(
    "days",
    [
        [],
        filling(13, GB),
        filling(30, 0, GB),
        filling(30, -GB, 100 * GB),
        filling(30, 1),
        filling(30, 10 * GB),
        [a_day(29, 0), a_day(0, GB)],
        [Day(day.day, day.stored_bytes, None) for day in filling(30, GB)],
        filling(60, GB)[:20],
    ],
    ids=["none", "few", "still", "emptying", "very slow", "full", "two", "no quota", "long ago"],
)
def test_nothing_is_foretold_where_nothing_can_be(days: list[Day]) -> None:
    assert full_on(days, TODAY) is None


def test_a_quota_that_is_far_away_is_told_in_words_so_that_the_line_is_not_flat() -> None:
    found = history(filling(30, GB // 100), "30", TODAY)
    assert found
    assert (found.is_far, found.wide.quota, found.narrow.quota) == (True, None, None)
    heights = [y for _, y in found.wide.points]
    assert max(heights) - min(heights) > found.wide.height / 2


def test_what_lies_beyond_the_quota_is_above_its_line() -> None:
    found = history([a_day(1, 200 * GB), a_day(0, 300 * GB)], "30", TODAY)
    assert found
    assert found.wide.quota is not None
    assert found.wide.points[0][1] > found.wide.quota > found.wide.points[1][1] > 0


@pytest.mark.parametrize("most", [0, 1, 7, 999, 10**6 + 1, 3 * 10**11, 10**15])
def test_the_axis_is_round_and_reaches_above_all(most: int) -> None:
    drawn = draw([a_day(1, 0, None), a_day(0, most, None)], TODAY - timedelta(days=29), TODAY, 600, 230)
    assert 2 <= len(drawn.amounts) <= 5
    assert min(tick.at for tick in drawn.amounts) <= drawn.points[-1][1] + 0.01
    assert len({tick.words for tick in drawn.amounts}) == len(drawn.amounts)
    assert all(0 <= x <= drawn.width and 0 <= y <= drawn.height for x, y in drawn.points)


def test_one_day_is_a_dot_and_gaps_are_drawn_through() -> None:
    found = history([a_day(20, GB), a_day(2, 2 * GB)], "30", TODAY)
    alone = history([a_day(0, GB)], "365", TODAY)
    assert found
    assert alone
    assert [len(each.wide.points) for each in (found, alone)] == [2, 1]
    assert history([a_day(40, GB), a_day(-3, GB)], "30", TODAY) is None
