"""Erasing: who has left may have everything deleted soon, instead of kept to the date."""

from aiohttp import web

from s4_web.accounts.account import Account
from s4_web.html import page, see_other
from s4_web.owner import wishes
from s4_web.owner.shown import Changes
from s4_web.pages.changes import confirm_first
from s4_web.pages.pause import decided
from s4_web.security import FORM
from s4_web.sessions import owned
from s4_web.site import site_of
from s4_web.troubles import Refused

WORDS = "delete everything"


async def show(request: web.Request) -> web.Response:
    """What would be deleted and when; or until when that can be taken back."""
    _, known = await owned(request)
    account, _, _, changes = await decided(request, known)
    _check(account, changes)
    return _shown(request, account, changes)


def _check(account: Account, changes: Changes) -> None:
    if account.ended is None:
        raise Refused("not-ended")
    if not changes.can_erase:
        raise Refused("nothing-to-erase")


def _shown(request: web.Request, account: Account, changes: Changes, problem: str = "") -> web.Response:
    status, values = 422 if problem else 200, {"account": account, "wishes": changes.wishes, "problem": problem}
    is_under_way = _is_under_way(request, changes)
    return page(request, "erase.html", status=status, **values, words=WORDS, is_under_way=is_under_way)


def _is_under_way(request: web.Request, changes: Changes) -> bool:
    at = changes.wishes.delete_at
    return changes.wishes.erasure == "scheduled" and at is not None and at <= site_of(request).clock.now()


async def erase(request: web.Request) -> web.Response:
    """All that is stored is to be deleted soon; only who signed in just now, and typed it, can say so."""
    owner, known = await owned(request)
    account, grid, _, changes = await decided(request, known)
    _check(account, changes)
    if not owner.is_recent:
        return await confirm_first(request, owner, f"/account/{known.account_id}/erase")
    typed = " ".join(request[FORM].get("words", "").lower().split())
    if typed != WORDS:
        return _shown(request, account, changes, f"Please type the two words “{WORDS}”.")
    site = site_of(request)
    async with site.pool.transaction() as tx:
        await wishes.erase(tx, known.account_id, grid["grid_id"], site.clock.now(), wanted=True)
    return see_other(f"/account/{known.account_id}/erase")


async def undo(request: web.Request) -> web.Response:
    """All is kept as it was promised, if that is not too late."""
    _, known = await owned(request)
    account, grid, _, changes = await decided(request, known)
    _check(account, changes)
    if _is_under_way(request, changes):
        raise Refused("erasure-under-way")
    site = site_of(request)
    async with site.pool.transaction() as tx:
        await wishes.erase(tx, known.account_id, grid["grid_id"], site.clock.now(), wanted=False)
    return see_other(f"/account/{known.account_id}/erase")
