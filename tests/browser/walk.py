"""Going to a place of the list, in a window of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from playwright.async_api import Browser as Chromium
from playwright.async_api import Page

from browser.places import Place, Scene
from support.browser import Watched, window
from support.web_site import RunningSite


@asynccontextmanager
async def at(
    place: Place,
    site: RunningSite,
    chrome: Chromium,
    *,
    javascript: bool = True,
    before: Callable[[Page], Awaitable[None]] | None = None,
) -> AsyncIterator[Watched]:
    """A window that shows the place. In the end nothing was wrong in it, and nobody else was asked for anything.

    ``before`` is done in the window when it is still empty.
    """
    async with (
        site.browser() as browser,
        window(chrome, site.origin, javascript=javascript) as watched,
    ):
        scene = Scene(site, browser)
        await _become(scene, place)
        if place.arrange is not None:
            await place.arrange(scene)
        for cookie in browser.session.cookie_jar:
            await watched.page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site.origin}])
        if before is not None:
            await before(watched.page)
        answer = await watched.page.goto(site.origin + _path(place, scene))
        assert answer is not None
        assert answer.status == place.status, place.path
        if place.act is not None:
            await place.act(watched.page)
            await watched.page.wait_for_load_state()
        yield watched


async def _become(scene: Scene, place: Place) -> None:
    match place.who:
        case "anybody":
            pass
        case "visitor":
            assert (await scene.browser.sign_up()).status == 303
            scene.buyer = await scene.site.buyer()
        case "buyer":
            scene.buyer = await scene.site.an_owner(scene.browser)
        case "member":
            scene.buyer = await scene.site.a_member(scene.browser)


def _path(place: Place, scene: Scene) -> str:
    if scene.buyer is None:
        return place.path
    buyer = scene.buyer
    known = {"account_id": buyer.account_id, "signup_id": buyer.signup_id, "grid_id": buyer.grid_id}
    return place.path.format(**known, sign_in=buyer.sign_in_link(), claim=buyer.link(), **scene.links)
