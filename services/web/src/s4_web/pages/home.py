"""The pages that anybody may read."""

from aiohttp import web

from s4_runtime import PeerUnavailable
from s4_web.html import page
from s4_web.site import site_of


async def show(request: web.Request) -> web.Response:
    """What S4 is. Billing's silence only costs the price."""
    try:
        offer = await site_of(request).billing.offer()
    except PeerUnavailable:
        offer = None
    return page(request, "home.html", offer=offer)


async def plans(request: web.Request) -> web.Response:
    """What is sold, as billing says."""
    return page(request, "plans.html", offer=await site_of(request).billing.offer())


async def terms(request: web.Request) -> web.Response:
    """What a person agrees to."""
    return page(request, "terms.html")
