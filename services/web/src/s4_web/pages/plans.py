"""The plans."""

from aiohttp import web

from s4_web.html import page
from s4_web.site import site_of


async def show(request: web.Request) -> web.Response:
    """What is sold, as billing says."""
    return page(request, "plans.html", offer=await site_of(request).billing.offer())
