"""Invite codes: one is made, shown large to who signed in lately, watched, withdrawn."""

from datetime import datetime
from functools import partial

import msgspec
from aiohttp import web

from s4_runtime import PeerUnavailable, is_id, new_id
from s4_web.accounts import invites, store
from s4_web.accounts.ago import ago
from s4_web.accounts.store import Known
from s4_web.connecting import commands
from s4_web.connecting.qr import qr
from s4_web.html import page, see_other
from s4_web.invites_client import Invite
from s4_web.limits import use
from s4_web.pages.changes import confirm_first, request_id
from s4_web.sessions import owned
from s4_web.site import Site, site_of
from s4_web.troubles import Refused


class Row(msgspec.Struct, frozen=True):
    """One invite as its owner is told of it, by the agent or by events."""

    invite_id: str
    state: str
    at: datetime | None
    ended_at: datetime | None


async def show(request: web.Request) -> web.Response:
    """The open invite, if there is one, and the earlier ones."""
    owner, known = await owned(request)
    site = site_of(request)
    grid_id = await _grid(site, known)
    found, is_answered = await _look(site, known, grid_id)
    current = next((invite for invite in found if invite.state == "open"), None)
    here = f"/account/{known.account_id}/invites"
    if current and not owner.is_recent and owner.session.wanted != here:
        await store.want(site.pool, owner.session.session, here)
    code = current.code.reveal() if current and current.code and owner.is_recent else None
    return page(
        request,
        "invites.html",
        owner=owner,
        account_id=known.account_id,
        invites=await _rows(site, known, grid_id, found, is_answered=is_answered),
        is_answered=is_answered,
        current=current,
        code=code,
        join=commands.join(code, current.mailbox_url) if code and current else "",
        is_public_mailbox=bool(current and current.mailbox_url == commands.PUBLIC_MAILBOX),
        folder=commands.FOLDER,
        scan=qr(code, "The invite code as a QR code") if code else "",
        ago=partial(ago, now=site.clock.now()),
        request_id=new_id(),
        done=request.query.get("done", ""),
    )


async def _grid(site: Site, known: Known) -> str:
    grid = await store.grid_of(site.pool, known.signup_id)
    if grid.get("claim_ref") is None:
        raise Refused("not-ready-yet")
    return str(grid["grid_id"])


async def _look(site: Site, known: Known, grid_id: str) -> tuple[list[Invite], bool]:
    """What the agent says, and whether it answered."""
    try:
        return list(await site.invites.of_grid(known.account_id, grid_id)), True
    except (PeerUnavailable, Refused):
        return [], False


async def _rows(site: Site, known: Known, grid_id: str, found: list[Invite], *, is_answered: bool) -> list[Row]:
    """The list as the agent has it, or as events told it while the agent is away."""
    if is_answered:
        return [Row(invite.invite_id, invite.state, invite.created_at, invite.ended_at) for invite in found]
    heard = await invites.heard_of(site.pool, known.account_id, grid_id)
    now = site.clock.now()
    return [Row(one.invite_id, one.standing(now), one.opened_at, one.ended_at) for one in heard]


async def make(request: web.Request) -> web.Response:
    """There is a new code; the grid's earlier one is dead. The form's id is the invite's, so twice is once."""
    owner, known = await owned(request)
    place = f"/account/{known.account_id}/invites"
    if not owner.is_recent:
        return await confirm_first(request, owner, place)
    site, invite_id = site_of(request), request_id(request)
    grid_id = await _grid(site, known)
    async with site.pool.transaction() as tx:
        is_allowed = await use(tx, site, "invite", grid_id, site.settings.invites_per_grid)
    if not is_allowed:
        raise Refused("too-many-invites")
    await site.invites.open(invite_id, known.account_id, grid_id)
    return see_other(place)


async def withdraw(request: web.Request) -> web.Response:
    """The code is dead; withdrawn twice is withdrawn."""
    _, known = await owned(request)
    invite_id = request.match_info["invite_id"]
    if not is_id(invite_id):
        raise Refused("not-found")
    await site_of(request).invites.withdraw(invite_id, known.account_id)
    return see_other(f"/account/{known.account_id}/invites?done=withdrawn")
