"""The stand-in for Stripe.js in a real browser, on a page of another origin with a strict policy."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
import stripe
from aiohttp import web
from playwright.async_api import FrameLocator, Page, expect

from devcloud.stripe.ends import PUBLISHABLE_KEY
from devcloud.stripe.shop import a_form, an_embedded_session
from s4_devcloud.stripe.world import World

_SHOP_PAGE = """<!doctype html><title>Shop</title><main id="checkout"></main><p id="told"></p>
<script src="{stripe}/v3/stripe.js"></script><script src="/shop.js"></script>"""
_SHOP_SCRIPT = """
const told = document.getElementById("told");
(async () => {
  const { key, secret } = Object.fromEntries(new URLSearchParams(location.search));
  const page = await Stripe(key).createEmbeddedCheckoutPage({
    fetchClientSecret: async () => secret,
    onComplete: () => { told.textContent = "called back"; page.destroy(); },
  });
  page.mount("#checkout");
})().catch((error) => { told.textContent = error.message; });
"""


@dataclass
class Shop:
    """A shop of another origin, whose page embeds a checkout."""

    origin: str
    page: Page

    async def visit(self, secret: str | None, key: str = PUBLISHABLE_KEY) -> FrameLocator:
        await self.page.goto(f"{self.origin}/buy?key={key}&secret={secret}")
        return self.page.frame_locator("#checkout iframe")

    async def pay(self, frame: FrameLocator, number: str) -> None:
        for name, value in a_form(number).items():
            if name == "country":
                await frame.locator("#country").select_option(value)
            else:
                await frame.locator(f"#{name}").fill(value)
        await frame.get_by_role("button", name="Subscribe").click()


@pytest.fixture
async def shop(world: World, page: Page, free_port: Callable[[], int]) -> AsyncIterator[Shop]:
    port, stripe_origin = free_port(), world.settings.public_url
    policy = f"default-src 'none'; script-src 'self' {stripe_origin}; connect-src {stripe_origin}; "
    policy += f"frame-src {stripe_origin}"

    async def show(_: web.Request) -> web.Response:
        text = _SHOP_PAGE.format(stripe=stripe_origin)
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": policy})

    async def script(_: web.Request) -> web.Response:
        return web.Response(text=_SHOP_SCRIPT, content_type="text/javascript")

    app = web.Application()
    app.router.add_get("/shop.js", script)
    app.router.add_get("/{any:.*}", show)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield Shop(f"http://127.0.0.1:{port}", page)
    await runner.cleanup()


async def test_a_declined_then_a_good_card_leads_the_whole_page_to_the_return_url(
    client: stripe.StripeClient, shop: Shop
) -> None:
    session = await an_embedded_session(client, return_url=shop.origin + "/return?session_id={CHECKOUT_SESSION_ID}")
    frame = await shop.visit(session.client_secret)
    await shop.pay(frame, "4000000000000002")
    await expect(frame.get_by_role("alert")).to_contain_text("Your card was declined.")
    await shop.pay(frame, "4242424242424242")
    await shop.page.wait_for_url(f"{shop.origin}/return?session_id={session.id}")
    assert (await client.v1.checkout.sessions.retrieve_async(session.id)).status == "complete"


async def test_a_session_that_never_redirects_calls_back_and_can_be_destroyed(
    client: stripe.StripeClient, shop: Shop
) -> None:
    session = await an_embedded_session(client, redirect_on_completion="never", return_url=None)
    frame = await shop.visit(session.client_secret)
    await shop.pay(frame, "4000002500003155")
    await frame.get_by_role("button", name="Complete").click()
    await expect(shop.page.locator("#told")).to_have_text("called back")
    await expect(shop.page.locator("#checkout iframe")).to_have_count(0)


async def test_a_wrong_publishable_key_is_told_to_the_page(client: stripe.StripeClient, shop: Shop) -> None:
    session = await an_embedded_session(client)
    await shop.visit(session.client_secret, key="pk_test_wrong")
    await expect(shop.page.locator("#told")).to_have_text("Invalid API Key provided: pk_test_****")
    await shop.visit(session.client_secret, key="sk_test_wrong")
    await expect(shop.page.locator("#told")).to_contain_text("needs a publishable key")
