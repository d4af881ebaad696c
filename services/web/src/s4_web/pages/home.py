"""The pages that anybody may read."""

from contextlib import suppress

from aiohttp import web

from s4_runtime import PeerUnavailable, came_to
from s4_store import DatabaseUnavailable
from s4_web.billing_client import Offer
from s4_web.capacity import sold_out
from s4_web.html import page
from s4_web.security import COOKIE_AGE
from s4_web.site import site_of


async def show(request: web.Request) -> web.Response:
    """What S4 is. Billing's silence, or our database's, only costs the price."""
    came_to("visited")
    site, offer, out = site_of(request), Offer((), open=False), frozenset[str]()
    with suppress(PeerUnavailable, DatabaseUnavailable):
        offer, out = await site.billing.offer(), await sold_out(site)
    return page(request, "home.html", offer=offer, sold_out=out)


async def how(request: web.Request) -> web.Response:
    """What is encrypted where, who sees what, and what happens when."""
    return page(request, "how.html")


async def plans(request: web.Request) -> web.Response:
    """What is sold, as billing says."""
    site = site_of(request)
    return page(request, "plans.html", offer=await site.billing.offer(), sold_out=await sold_out(site))


async def terms(request: web.Request) -> web.Response:
    """What a person agrees to."""
    return page(request, "terms.html")


async def privacy(request: web.Request) -> web.Response:
    """What is known of a person, and for how long."""
    return page(request, "privacy.html", cookie_age=COOKIE_AGE)
