"""How far the browser's grid is, live."""

from contextlib import suppress

from aiohttp import web

from s4_runtime import Temporary
from s4_web import store
from s4_web.accounts.account import is_at_rest, refunds_in
from s4_web.accounts.store import said_of
from s4_web.address import masked
from s4_web.html import page, see_other
from s4_web.limits import ask_for_letter
from s4_web.outages import outage
from s4_web.progress import Row, Signup, Story, story
from s4_web.security import open_signup
from s4_web.site import site_of
from s4_web.troubles import Refused


async def _story(request: web.Request, signup: Signup) -> tuple[Story, Row]:
    journey, steps, letter = await store.journey(site_of(request).pool, signup)
    return story(signup, journey, steps, letter, site_of(request).clock.now()), journey


async def show(request: web.Request) -> web.Response:
    """The page as it is now; it is complete without any script."""
    signup = await open_signup(request)
    told, journey = await _story(request, signup)
    said = await said_of(site_of(request).pool, [signup.account_id]) if told.state in {"failed", "ready"} else {}
    return page(
        request,
        "status.html",
        signup=signup,
        story=told,
        refunds=refunds_in(said.get(signup.account_id, {})),
        outage=None if is_at_rest(said.get(signup.account_id, {})) else outage(journey, site_of(request).clock.now()),
        address=masked(signup.email),
        is_letter_asked="letter" in request.query,
    )


async def events(request: web.Request) -> web.StreamResponse:
    """Server-sent events (HTML Standard, section 9.2): all since Last-Event-ID, then each as it comes."""
    signup = await open_signup(request)
    site = site_of(request)
    asked = request.headers.get("Last-Event-ID") or request.query.get("after", "")
    after = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else 0
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    await response.prepare(request)
    with suppress(ConnectionError, Temporary):  # the browser comes back by itself and says what it saw last
        async for text in site.live.changes(signup.signup_id, after, site.settings.heartbeat.total_seconds()):
            await response.write(text)
    return response


async def ask_again(request: web.Request) -> web.Response:
    """Have the letter sent again."""
    signup = await open_signup(request)
    told, journey = await _story(request, signup)
    if not told.can_send_letter or journey["grid_id"] is None:
        raise Refused("not-ready")
    await ask_for_letter(site_of(request), signup.account_id, journey["grid_id"])
    return see_other("/status?letter=asked")
