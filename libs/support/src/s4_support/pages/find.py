"""Finding a customer, and what operators did."""

from aiohttp import web

from s4_support import finding
from s4_support.html import page, see_other
from s4_support.security import FORM
from s4_support.site import AUDIT, site_of

_LONGEST = 300
_SHOWN = 200


async def show(request: web.Request) -> web.Response:
    """The form. What is looked for is sent by POST, so that no address ends in a history or a log."""
    return page(request, "find.html", asked="", finding=None, asks_billing=site_of(request).billing is not None)


async def find(request: web.Request) -> web.Response:
    """The one account that it is, or all that it may be, or why there is none."""
    site, asked = site_of(request), request[FORM].get("asked", "").strip()[:_LONGEST]
    found = await finding.find(site.pool, site.billing, asked)
    accounts = list(dict.fromkeys(one.account_id for one in found.accounts))
    if len(accounts) == 1:
        return see_other(f"/accounts/{accounts[0]}")
    status = 200 if accounts else 404
    return page(request, "find.html", status=status, asked=asked, finding=found, asks_billing=site.billing is not None)


async def audit(request: web.Request) -> web.Response:
    """What operators did, newest first."""
    return page(request, "audit.html", rows=await AUDIT.latest(site_of(request).pool, _SHOWN))
