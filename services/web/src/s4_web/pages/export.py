"""Everything that is stored, to take along: a list with addresses, or keys for the bucket. Both end by themselves."""

from contextlib import suppress

from aiohttp import web

from s4_runtime import PeerUnavailable
from s4_web.accounts import store
from s4_web.accounts.store import Known
from s4_web.accounts.usage import usage_of
from s4_web.html import page
from s4_web.owner import exports
from s4_web.pages.changes import confirm_first
from s4_web.provisioner_client import Listing
from s4_web.security import FORM
from s4_web.sessions import owned
from s4_web.site import site_of
from s4_web.troubles import Refused

_SHOWN = 8  # objects on the page; the list has all
_LONGEST_KEY = 1024  # bytes (S3, "Object key naming guidelines")


async def _grid(request: web.Request, known: Known) -> str:
    """The grid, if anything can be stored in it. Raises Refused."""
    pool = site_of(request).pool
    grid = await store.grid_of(pool, known.signup_id)
    said = (await store.said_of(pool, [known.account_id]))[known.account_id]
    if said.get("grid", {}).get("word") == "deleted":
        raise Refused("grid-deleted")
    if not (grid.get("ready_at") or grid.get("claim_ref")):
        raise Refused("nothing-to-export")
    return str(grid["grid_id"])


async def show(request: web.Request) -> web.Response:
    """How much is stored, the first of it, and the ways to take it along. The page gives out no address and no key."""
    _, known = await owned(request)
    site, grid_id = site_of(request), await _grid(request, known)
    listing: Listing | None = None
    with suppress(PeerUnavailable):
        if await exports.may_look(site, grid_id):
            listing = await site.provisioner.objects(grid_id, known.account_id, None, _SHOWN)
    return page(
        request,
        "export.html",
        known=known,
        listing=listing,
        usage=await usage_of(site.pool, known.signup_id),
        last_given=await exports.last_given(site.pool, known.account_id),
    )


async def listing(request: web.Request) -> web.StreamResponse:
    """All objects as CSV, from the first or after a key. A list that could not be finished ends without its end."""
    owner, known = await owned(request)
    site, after = site_of(request), request[FORM].get("after") or None
    if after is not None and len(after.encode()) > _LONGEST_KEY:
        raise Refused("bad-request")
    if not owner.is_recent:
        return await confirm_first(request, owner, f"/account/{known.account_id}/export")
    grid_id = await _grid(request, known)
    await exports.allow(site, owner, known.account_id, grid_id, "list")
    first = await exports.fetch(site.provisioner, grid_id, known.account_id, after)
    response = web.StreamResponse()
    response.content_type, response.charset = "text/csv", "utf-8"
    response.headers["Content-Disposition"] = 'attachment; filename="s4-objects.csv"'
    await response.prepare(request)
    lines = exports.as_csv(site.provisioner, grid_id, known.account_id, first)
    with suppress(ConnectionError):  # they have gone away
        try:
            async for some in lines:
                await response.write(some)
        except (PeerUnavailable, Refused):
            if request.transport is not None:
                request.transport.close()  # without the last chunk: the browser says that the download failed
    return response


async def session(request: web.Request) -> web.Response:
    """Keys that open the bucket for reading, with commands to use them. They are in this answer and kept nowhere."""
    owner, known = await owned(request)
    if not owner.is_recent:
        return await confirm_first(request, owner, f"/account/{known.account_id}/export")
    site, grid_id = site_of(request), await _grid(request, known)
    await exports.allow(site, owner, known.account_id, grid_id, "keys")
    access = await site.provisioner.access(grid_id, known.account_id)
    return page(request, "export_keys.html", known=known, access=access)
