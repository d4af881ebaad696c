"""Answers, and how each kind of client is connected; for anybody."""

from contextlib import suppress

from aiohttp import web

from s4_runtime import PeerUnavailable
from s4_web.billing_client import Offer
from s4_web.html import page
from s4_web.site import site_of


async def answers(request: web.Request) -> web.Response:
    """What people ask. While billing is silent, where grids are is left to the page with the plans."""
    offer = Offer(())
    with suppress(PeerUnavailable):
        offer = await site_of(request).billing.offer()
    regions = sorted({plan.region for plan in offer.plans if plan.region})
    return page(request, "help.html", regions=regions)


async def connecting(request: web.Request) -> web.Response:
    """How a client is connected; the account's own page has the same with the furl filled in."""
    return page(request, "help_connect.html")
