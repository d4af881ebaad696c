"""Signing in with an operator's own token."""

from datetime import timedelta

from aiohttp import web

from s4_runtime import get_logger
from s4_support import limits, security, sessions
from s4_support.html import page, see_other
from s4_support.security import FORM, WHO
from s4_support.site import AUDIT, site_of
from s4_support.troubles import Refused


async def show(request: web.Request) -> web.Response:
    """The form."""
    return page(request, "sign_in.html", problem="")


async def enter(request: web.Request) -> web.Response:
    """Signed in, in a session with a cookie of its own. A wrong token counts against where it came from."""
    site, token, source = site_of(request), request[FORM].get("token", "").strip(), request.remote or "unknown"
    async with site.pool.transaction() as tx:
        # Counted before it is looked at, so that tries side by side are no way round the limit.
        may_try = await limits.use(tx, site, "token", source, site.settings.wrong_tokens_per_address)
    if not may_try:
        raise Refused("too-many-tries")
    who = sessions.who_has(site, token)
    if who is None:
        get_logger().warning("support.wrong-token")
        return page(request, "sign_in.html", status=403, problem="No operator has this token.")
    cookie, before = security.new_cookie(), security.session_of(request)
    async with site.pool.transaction() as tx:
        await limits.forget(tx, site, "token", source)
        if before:
            await sessions.end(tx, before)
        await sessions.begin(tx, site, security.hash_of(cookie), who)
        await AUDIT.note(tx, site.clock.now(), who, "signed-in", None)
    response = see_other("/")
    security.set_cookie(request, response, cookie, site.settings.session_age)
    return response


async def leave(request: web.Request) -> web.Response:
    """Signed out."""
    site, session = site_of(request), security.session_of(request)
    async with site.pool.transaction() as tx:
        if session:
            await sessions.end(tx, session)
            await AUDIT.note(tx, site.clock.now(), request[WHO], "signed-out", None)
    response = see_other("/sign-in")
    security.set_cookie(request, response, "", timedelta())
    return response
