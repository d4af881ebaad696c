"""The pages by which owners connect clients and see how their grid does, in each of their states."""

from datetime import timedelta

from playwright.async_api import Page

from browser.places import Place, Scene
from s4_runtime import new_id
from support.room import a_measurement

_ACCOUNT = "/account/{account_id}"
GB = 10**9


async def a_year_is_measured(scene: Scene) -> None:
    await _measured(scene, 200, 250 * GB)


async def little_is_stored(scene: Scene) -> None:
    await _measured(scene, 2, 250 * GB)


async def _measured(scene: Scene, gigabytes: int, quota: int) -> None:
    site, owner = scene.site, scene.owner
    for ago in reversed(range(0, 360, 6)):
        stored = gigabytes * GB * (360 - ago + 9 * (ago % 5)) // 400
        at = site.clock.now() - timedelta(days=ago)
        await site.hears(a_measurement(at, owner.account_id, owner.signup_id, stored, quota=quota))
    for ago in reversed(range(20)):
        stored = gigabytes * GB * (360 - ago) // 400
        at = site.clock.now() - timedelta(days=ago)
        await site.hears(a_measurement(at, owner.account_id, owner.signup_id, stored, quota=quota))


async def others_are_signed_in(scene: Scene) -> None:
    for agent in ("Mozilla/5.0 (iPhone) Safari/604.1", "Mozilla/5.0 (X11; Linux) Firefox/140.0"):
        async with scene.site.browser() as other:
            other.session.headers["User-Agent"] = agent
            await scene.site.signs_in(other, scene.owner)
            await other.get("/account/sessions")


async def a_code_is_open(scene: Scene) -> None:
    await make(scene)


async def the_code_is_cut_off(scene: Scene) -> None:
    await make(scene)
    scene.site.invites.is_connected = False


async def codes_were_used_up(scene: Scene) -> None:
    for state in ("claimed", "expired", "withdrawn", "crowded", "guessed"):
        await make(scene)
        scene.site.invites.end(state)


async def the_keeper_is_away(scene: Scene) -> None:
    await make(scene)
    await scene.site.hears(*scene.site.invites.events(scene.site.invites.newest))
    scene.site.invites.is_down = True


async def make(scene: Scene) -> None:
    form = {"csrf": await scene.browser.csrf(), "request_id": new_id()}
    answer = await scene.browser.post(f"/account/{scene.owner.account_id}/invites", form)
    assert answer.status == 303


async def long_ago(scene: Scene) -> None:
    await make(scene)
    await scene.site.later(minutes=20)


async def the_furl_is_shown(page: Page) -> None:
    await page.get_by_role("button", name="Show my furl").click()


async def the_furl_is_drawn(page: Page) -> None:
    await the_furl_is_shown(page)
    await page.get_by_text("Show it as a code to scan").click()


async def the_code_is_drawn(page: Page) -> None:
    await page.get_by_text("Show it as a code to scan").click()


async def the_numbers_are_shown(page: Page) -> None:
    await page.get_by_text("The same in numbers").click()


CONNECT: list[Place] = [
    Place("account-month", _ACCOUNT, who="member", arrange=a_year_is_measured, act=the_numbers_are_shown),
    Place("account-year", f"{_ACCOUNT}?days=365", who="member", arrange=a_year_is_measured),
    Place("account-quota-far", f"{_ACCOUNT}?days=90", who="member", arrange=little_is_stored),
    Place("account-sessions", "/account/sessions", who="member", arrange=others_are_signed_in),
    Place("account-connect", f"{_ACCOUNT}/connect", who="member"),
    Place("account-furl", f"{_ACCOUNT}/connect", who="member", act=the_furl_is_drawn),
    Place("account-furl-long-ago", f"{_ACCOUNT}/connect", who="member", arrange=long_ago, act=the_furl_is_shown),
    Place("invites-none", f"{_ACCOUNT}/invites", who="member"),
    Place("invites-open", f"{_ACCOUNT}/invites", who="member", arrange=a_code_is_open, act=the_code_is_drawn),
    Place("invites-cut-off", f"{_ACCOUNT}/invites", who="member", arrange=the_code_is_cut_off),
    Place("invites-long-ago", f"{_ACCOUNT}/invites", who="member", arrange=long_ago),
    Place("invites-over", f"{_ACCOUNT}/invites", who="member", arrange=codes_were_used_up),
    Place("invites-away", f"{_ACCOUNT}/invites", who="member", arrange=the_keeper_is_away),
]
