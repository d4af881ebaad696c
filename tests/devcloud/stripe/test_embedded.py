import aiohttp
import pytest
import stripe

from devcloud.stripe.ends import PUBLISHABLE_KEY, SECRET_KEY
from devcloud.stripe.published import problems_with
from devcloud.stripe.shop import AUTHENTICATE, a_session, an_embedded_session, type_card
from s4_devcloud.stripe.world import World

SHOP = "http://shop.test"


async def open_frame(
    browser: aiohttp.ClientSession,
    world: World,
    secret: str | None,
    key: str = PUBLISHABLE_KEY,
    origin: str | None = SHOP,
) -> tuple[int, dict[str, str]]:
    headers = {} if origin is None else {"Origin": origin}
    data = {"key": key, "client_secret": secret or ""}
    async with browser.post(f"{world.settings.public_url}/c/frames", data=data, headers=headers) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        return answer.status, await answer.json()


async def a_frame(browser: aiohttp.ClientSession, world: World, secret: str | None) -> str:
    status, answer = await open_frame(browser, world, secret)
    assert status == 200
    return answer["frame"]


async def test_a_frame_may_be_shown_by_the_page_that_opened_it_only(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, world: World
) -> None:
    session = await an_embedded_session(client)
    frame = await a_frame(browser, world, session.client_secret)
    assert str(session.client_secret) not in frame
    assert PUBLISHABLE_KEY not in frame
    async with browser.get(frame) as answer:
        assert answer.status == 200
        assert f"frame-ancestors {SHOP}" in answer.headers["Content-Security-Policy"]
        assert 'name="number"' in await answer.text()


async def test_a_wrong_key_or_secret_opens_nothing(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, world: World
) -> None:
    embedded, hosted = await an_embedded_session(client), await a_session(client)
    secret = embedded.client_secret
    for key in ("pk_test_other", SECRET_KEY, ""):
        status, answer = await open_frame(browser, world, secret, key)
        assert (status, problems_with(answer)) == (401, [])
    for wrong in (f"{embedded.id}_secret_x", f"{hosted.id}_secret_x", "", "cs_test_none_secret_x"):
        assert (await open_frame(browser, world, wrong))[0] == 400
    for origin in (None, "null", "file://"):
        assert (await open_frame(browser, world, secret, origin=origin))[0] == 400


async def test_the_frame_tells_the_page_around_it_where_to_go(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, world: World
) -> None:
    session = await an_embedded_session(client)
    frame = await a_frame(browser, world, session.client_secret)
    status, page, target = await type_card(browser, frame)
    assert (status, target) == (200, None)
    assert '<script src="/v3/frame.js"' in page
    assert f'data-origin="{SHOP}"' in page
    assert f"{SHOP}/return?session_id={session.id}" in page
    status, again, _ = await type_card(browser, frame)
    assert (status, "data-completion" in again) == (200, True)
    assert len((await client.v1.charges.list_async()).data) == 1


@pytest.mark.parametrize("choice", ["never", "if_required"])
async def test_a_session_that_does_not_redirect_calls_back(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, world: World, choice: str
) -> None:
    back = {} if choice == "if_required" else {"return_url": None}
    session = await an_embedded_session(client, redirect_on_completion=choice, **back)
    _, page, _ = await type_card(browser, await a_frame(browser, world, session.client_secret))
    assert "&#34;return_url&#34;: null" in page


async def test_three_d_secure_stays_in_the_frame(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, world: World
) -> None:
    session = await an_embedded_session(client)
    frame = await a_frame(browser, world, session.client_secret)
    _, _, target = await type_card(browser, frame, AUTHENTICATE)
    assert target is not None
    assert frame.endswith(target.removesuffix("/authenticate"))
    async with browser.post(f"{frame}/authenticate", data={"outcome": "complete"}) as answer:
        assert "data-completion" in await answer.text()


async def test_an_expired_session_says_so_in_its_frame(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, world: World
) -> None:
    session = await an_embedded_session(client)
    frame = await a_frame(browser, world, session.client_secret)
    await client.v1.checkout.sessions.expire_async(session.id)
    async with browser.get(frame) as answer:
        assert (answer.status, "has expired" in await answer.text()) == (410, True)


@pytest.mark.parametrize(
    ("path", "content_type"),
    [("/v3/stripe.js", "text/javascript"), ("/v3/frame.js", "text/javascript"), ("/c/pay.css", "text/css")],
)
async def test_what_pages_load_is_served(
    world: World, browser: aiohttp.ClientSession, path: str, content_type: str
) -> None:
    async with browser.get(world.settings.public_url + path) as answer:
        assert (answer.status, answer.content_type) == (200, content_type)
        assert await answer.text()
