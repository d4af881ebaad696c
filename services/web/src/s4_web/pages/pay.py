"""Paying: at Stripe, embedded in our page or on Stripe's own. No card number ever comes here."""

import re
from contextlib import suppress

from aiohttp import web

from s4_runtime import PeerUnavailable
from s4_web import limits, store
from s4_web.html import page, see_other
from s4_web.security import open_signup
from s4_web.site import origin_of, site_of
from s4_web.troubles import Refused

_SESSION_ID = re.compile(r"cs_[A-Za-z0-9_]{8,200}")


async def show(request: web.Request) -> web.Response:
    """The payment page of this browser's signup."""
    site, signup = site_of(request), await open_signup(request)
    if signup.is_paid:
        return see_other("/status")
    plan = (await site.billing.offer()).plan(signup.plan)
    if plan is None:
        return see_other("/signup")
    return page(request, "pay.html", plan=plan, signup=signup, settings=site.settings)


async def session(request: web.Request) -> web.Response:
    """The secret with which Stripe.js shows the embedded page; asked for by our own script."""
    site, signup = site_of(request), await open_signup(request)
    if signup.is_paid:
        raise Refused("already-paid")
    return web.json_response({"client_secret": await site.billing.open_checkout(signup, "embedded", _ip_hash(request))})


def _ip_hash(request: web.Request) -> str:
    return limits.subject(site_of(request), "checkout", limits.from_where(request))


async def hosted(request: web.Request) -> web.Response:
    """On to Stripe's own page."""
    site, signup = site_of(request), await open_signup(request)
    try:
        url = await site.billing.open_checkout(signup, "hosted", _ip_hash(request))
    except Refused as refusal:
        if refusal.code == "already-paid":
            return see_other("/status")
        raise
    if origin_of(url) not in {origin_of(known) for known in site.settings.checkout_origins}:
        raise PeerUnavailable("billing-unavailable")
    return see_other(url)


async def come_back(request: web.Request) -> web.Response:
    """Back from Stripe: have billing look, so that nobody waits for the webhook. It decides, not the address."""
    session_ids = request.query.getall("session_id", [])
    if len(session_ids) != 1 or len(request.query) != 1 or not _SESSION_ID.fullmatch(session_ids[0]):
        raise Refused("not-found")
    site, signup = site_of(request), await open_signup(request)
    state: str | None = None
    with suppress(PeerUnavailable):  # the webhook tells billing too, and billing tells us
        state = await site.billing.sync(signup.signup_id, session_ids[0])
    await store.note_return(site.pool, signup.signup_id, state, site.clock.now())
    return see_other("/status")


async def cancelled(request: web.Request) -> web.Response:
    """Left Stripe's page without paying: the signup waits."""
    signup = await open_signup(request)
    return see_other("/status") if signup.is_paid else page(request, "cancelled.html", signup=signup)
