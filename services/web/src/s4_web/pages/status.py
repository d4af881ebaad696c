"""How far the browser's grid is, live."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress

from aiohttp import web

from s4_runtime import Temporary
from s4_web import store
from s4_web.accounts.account import is_at_rest, is_free, refunds_in
from s4_web.accounts.store import said_of
from s4_web.address import masked
from s4_web.html import page, see_other
from s4_web.limits import ask_for_letter, from_where
from s4_web.live import Manner
from s4_web.outages import outage
from s4_web.pace import about, bank_day, outline
from s4_web.progress import Row, Signup, Story, story
from s4_web.security import browser_of, open_signup
from s4_web.site import site_of
from s4_web.troubles import Refused


async def _story(request: web.Request, signup: Signup) -> tuple[Story, Row]:
    site, now = site_of(request), site_of(request).clock.now()
    said = await store.journey(site.pool, signup)
    usual = await site.live.usual.of(signup.plan, now)
    return story(signup, said, now, usual), said[0]


async def show(request: web.Request) -> web.Response:
    """The page as it is now; it is complete without any script."""
    signup, site = await open_signup(request), site_of(request)
    told, journey = await _story(request, signup)
    of_account: Mapping[str, Row] = {}
    if told.state in {"failed", "ready"}:
        of_account = (await said_of(site.pool, [signup.account_id]))[signup.account_id]
    return page(
        request,
        "status.html",
        signup=signup,
        story=told,
        refunds=refunds_in(of_account),
        is_free=is_free(of_account, site.clock.now()),
        outage=None if is_at_rest(of_account) else outage(journey, site.clock.now()),
        address=masked(signup.email),
        is_letter_asked="letter" in request.query,
        heartbeat=site.settings.heartbeat.total_seconds(),
        now=site.clock.now(),
        about=about,
        bank_day=bank_day,
        outline=outline,
    )


async def events(request: web.Request) -> web.StreamResponse:
    """Server-sent events (HTML Standard, section 9.2): all since Last-Event-ID, then each as it comes."""
    signup, site = await open_signup(request), site_of(request)
    asked = request.headers.get("Last-Event-ID") or request.query.get("after", "")
    after = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else 0
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    manner = Manner(site.settings.heartbeat, site.settings.stream_quiet)
    if request.transport is None:  # the browser is gone already
        return response
    with site.live.streams.one(request.transport, _limits(request)):
        await response.prepare(request)
        with suppress(ConnectionError, Temporary, TimeoutError):  # the browser comes back and says what it saw last
            async with (
                asyncio.timeout(site.settings.stream_age.total_seconds()),
                aclosing(site.live.changes(signup.signup_id, after, manner)) as changes,
            ):
                async for text in changes:
                    await response.write(text)
    return response


def _limits(request: web.Request) -> Mapping[tuple[str, str], int]:
    settings, browser = site_of(request).settings, browser_of(request) or b""
    return {
        ("browser", browser.hex()): settings.streams_per_browser,
        ("address", from_where(request)): settings.streams_per_address,
        ("replica", ""): settings.streams_per_replica,
    }


async def ask_again(request: web.Request) -> web.Response:
    """Have the letter sent again."""
    signup = await open_signup(request)
    told, journey = await _story(request, signup)
    if not told.can_send_letter or journey["grid_id"] is None:
        raise Refused("not-ready")
    await ask_for_letter(site_of(request), signup.account_id, journey["grid_id"])
    return see_other("/status?letter=asked")
