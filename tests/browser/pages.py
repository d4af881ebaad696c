"""PAGES: every page that the site can show, and how a person gets there.

What is in this list is looked at by axe in both themes, wide and at 320 pixels, is walked through by keyboard, must not
scroll sideways, must not shift while it loads, and must ask nobody but us for anything. Who makes a page adds a line
(or a list of their own, in a module beside this one, that PAGES takes in):

    Place("account-furl", "/account/{account_id}", who="member", act=shows_the_furl)

``path`` may name {account_id}, {signup_id}, {grid_id}, {sign_in} (the token of a letter for signing in), {claim} (that
of a letter with a furl), and whatever ``arrange`` put into ``scene.links``. ``who`` is "anybody" (no cookies),
"visitor" (has sent the signup form, has not paid), "buyer" (has paid and has a grid, not signed in) or "member" (is
signed in). ``arrange`` makes the world as the page needs it before the page is asked for; ``act`` does in the window
what leads on from ``path``, such as pressing a button. ``status`` is that of the answer to ``path``; ``is_public``
says that anybody finds it.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from playwright.async_api import Page

from browser.changes_pages import CHANGES
from browser.connect_pages import CONNECT
from browser.places import Place, Scene
from s4_web.service.tally import count
from support.outages import lost, recovered
from support.past_grids import past_grids
from support.room import a_measurement, a_report
from support.web_peers import PLANS


def public(name: str, path: str, arrange: Callable[[Scene], Awaitable[None]] | None = None) -> Place:
    """A page that anybody finds from the home page."""
    return Place(name, path, arrange=arrange, is_public=True)


async def all_is_sold_out(scene: Scene) -> None:
    await scene.site.hears(a_report(scene.site.clock.now(), *(str(plan["id"]) for plan in PLANS)))


async def billing_is_down(scene: Scene) -> None:
    scene.site.billing.is_down = True


async def the_machine_is_lost(scene: Scene) -> None:
    await scene.site.hears(lost(scene.owner, scene.site.clock.now()))


async def the_machine_was_lost(scene: Scene) -> None:
    await the_machine_is_lost(scene)
    await scene.site.hears(recovered(scene.owner, scene.site.clock.now(), 90))


async def the_grid_is_nearly_full(scene: Scene) -> None:
    ids = (scene.owner.account_id, scene.owner.signup_id)
    await scene.site.hears(a_measurement(scene.site.clock.now(), *ids, 88 * 10**9, quota=100 * 10**9))


async def a_month_with_trouble(scene: Scene) -> None:
    site, today = scene.site, scene.site.clock.now().date()
    for ago in range(28):
        day = today - timedelta(days=ago)
        told = {"asked": 1440, "answered": 1000 if ago == 3 else 1440, "made": 9, "proved": 40, "sent": 50}
        told |= {"given-up": 1} if ago in {2, 11} else {}
        told |= {"bounced": 30 if ago == 1 else 1, "away": 600} if ago in {1, 5} else {}
        for what, amount in told.items():
            await count(site.pool, day, what, amount)
    await site.hears(
        a_report(site.clock.now(), "personal", can_build=True), a_report(site.clock.now(), "studio", pool="b")
    )
    site.billing.is_down = True


async def half_made(scene: Scene) -> None:
    buyer = scene.owner
    told = [buyer.progressed(step, state, 1.5) for step in ("identity", "bucket") for state in ("started", "done")]
    await scene.site.hears(buyer.paid(), *told, buyer.progressed("host", "started"))


async def late(scene: Scene) -> None:
    await past_grids(scene.site, 8, 4.0)
    await half_made(scene)
    await scene.site.later(minutes=2)
    await scene.site.hears(scene.owner.progressed("host", "retrying", attempt=2))


async def given_up(scene: Scene) -> None:
    await half_made(scene)
    await scene.site.hears(scene.owner.failed(final=True))


async def the_link_was_used(scene: Scene) -> None:
    await scene.site.signs_in(scene.browser, scene.owner, token=scene.owner.sign_in_link())


async def an_address_is_given(page: Page) -> None:
    await page.get_by_label("Your e-mail address").fill("ada@example.com")
    await page.get_by_role("button", name="Send me a link").click()


async def the_form_is_sent(page: Page) -> None:
    await page.locator("main form button").first.click()


async def the_amount_is_asked(page: Page) -> None:
    await page.get_by_role("button", name="Show me the amount").click()


PAGES: list[Place] = [
    public("home", "/"),
    public("home-sold-out", "/", all_is_sold_out),
    public("plans", "/plans"),
    public("plans-sold-out", "/plans", all_is_sold_out),
    public("how", "/how"),
    public("help", "/help"),
    public("help-connect", "/help/connect"),
    public("terms", "/terms"),
    public("privacy", "/privacy"),
    public("service", "/service"),
    public("service-in-trouble", "/service", a_month_with_trouble),
    public("signup", "/signup?plan=personal"),
    public("sign-in", "/sign-in"),
    Place("signup-problems", "/signup", act=the_form_is_sent, is_public=True),
    Place("sign-in-sent", "/sign-in", act=an_address_is_given, is_public=True),
    Place("no-such-page", "/nowhere", status=404, is_public=True),
    Place("plans-billing-down", "/plans", status=503, arrange=billing_is_down),
    Place("status-waiting", "/status", who="visitor"),
    Place("status-being-made", "/status", who="visitor", arrange=half_made),
    Place("status-late", "/status", who="visitor", arrange=late),
    Place("status-given-up", "/status", who="visitor", arrange=given_up),
    Place("status-ready", "/status", who="buyer"),
    Place("status-lost", "/status", who="buyer", arrange=the_machine_is_lost),
    Place("claim", "/claim?token={claim}", who="buyer"),
    Place("furl", "/claim?token={claim}", who="buyer", act=the_form_is_sent),
    Place("sign-in-link", "/sign-in/link?token={sign_in}", who="buyer"),
    Place("account", "/account/{account_id}", who="member"),
    Place("account-lost", "/account/{account_id}", who="member", arrange=the_machine_is_lost),
    Place("account-back", "/account/{account_id}", who="member", arrange=the_machine_was_lost),
    Place("account-nearly-full", "/account/{account_id}", who="member", arrange=the_grid_is_nearly_full),
    Place("account-billing-down", "/account/{account_id}", who="member", arrange=billing_is_down),
    Place("account-plan", "/account/{account_id}/plan", who="member"),
    Place("account-plan-preview", "/account/{account_id}/plan", who="member", act=the_amount_is_asked),
    Place("account-cancel", "/account/{account_id}/cancel", who="member"),
    *CHANGES,
    *CONNECT,
]
