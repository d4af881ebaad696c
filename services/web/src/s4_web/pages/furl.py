"""The furl on demand: for who signed in lately, on record before it is shown, in one answer and nowhere else."""

from typing import Literal

from aiohttp import web

from s4_runtime import PeerUnavailable
from s4_web.accounts import reveals, store
from s4_web.accounts.reveals import Claimed
from s4_web.accounts.store import Known
from s4_web.connecting import commands
from s4_web.connecting.gridsync import settings_file
from s4_web.connecting.qr import qr
from s4_web.html import page, see_other
from s4_web.limits import use
from s4_web.pages.changes import confirm_first, request_id
from s4_web.provisioner_client import Key
from s4_web.sessions import owned, trace_of
from s4_web.site import site_of
from s4_web.troubles import Refused


async def show(request: web.Request) -> web.Response:
    """The furl as text, as a code to scan, and in the command that takes it."""
    owner, known = await owned(request)
    if not owner.is_recent:
        return await confirm_first(request, owner, f"/account/{known.account_id}/connect")
    key = await _reveal(request, known, "account")
    if key is None:
        return see_other(f"/account/{known.account_id}/connect?done=shown")
    return furl_page(request, key, account_id=known.account_id)


async def gridsync(request: web.Request) -> web.Response:
    """A file that Gridsync loads. It holds the furl."""
    owner, known = await owned(request)
    if not owner.is_recent:
        return await confirm_first(request, owner, f"/account/{known.account_id}/connect")
    key = await _reveal(request, known, "file")
    if key is None:
        return see_other(f"/account/{known.account_id}/connect?done=shown")
    headers = {"Content-Disposition": f'attachment; filename="{key.nickname}.json"'}
    return web.Response(text=settings_file(key), content_type="application/json", headers=headers)


def furl_page(request: web.Request, key: Key, account_id: str | None = None) -> web.Response:
    """The page that shows it, and what to do with it."""
    return page(
        request,
        "furl.html",
        key=key,
        account_id=account_id,
        create=commands.create(key),
        without=commands.create_without_furl(key.shares),
        paste=commands.paste_furl(),
        steps=commands.FirstSteps(),
        scan=qr(key.furl.reveal(), "Your furl as a QR code"),
    )


async def _reveal(request: web.Request, known: Known, how: Literal["account", "file"]) -> Key | None:
    """The grid's key, once for each form; None for a form that was used before. Raises Refused."""
    site, reveal_id = site_of(request), request_id(request)
    grid = await store.grid_of(site.pool, known.signup_id)
    if grid.get("claim_ref") is None:
        raise Refused("not-ready")
    whose = Claimed(known.account_id, grid["grid_id"], grid["claim_ref"])
    async with site.pool.transaction() as tx:
        is_allowed = await use(tx, site, "furl", known.account_id, site.settings.furls_per_grid)
    if not is_allowed:
        raise Refused("too-many-furls")
    try:
        key = await site.provisioner.furl(whose.grid_id, whose.account_id, whose.claim_ref)
    except PeerUnavailable:
        raise PeerUnavailable("furl-unavailable") from None
    except Refused:
        raise Refused("furl-gone") from None
    async with site.pool.transaction() as tx:
        is_fresh = await reveals.note_form(tx, (reveal_id, how), whose, trace_of(request), site.clock.now())
    return key if is_fresh else None
