"""A pause: the grid is stopped because its owner wants it so, whatever is paid."""

from collections.abc import Mapping

from aiohttp import web

from s4_web.accounts import store
from s4_web.accounts.account import Account
from s4_web.accounts.store import Known
from s4_web.html import page, see_other
from s4_web.owner import wishes
from s4_web.owner.shown import Changes, changes_of
from s4_web.pages.account import look
from s4_web.progress import Row
from s4_web.sessions import owned
from s4_web.site import site_of
from s4_web.troubles import Refused


async def decided(request: web.Request, known: Known) -> tuple[Account, Row, Mapping[str, Row], Changes]:
    """The account, its grid, what was said of it, and what its owner has decided so far."""
    site = site_of(request)
    account, _ = await look(request, known)
    grid = await store.grid_of(site.pool, known.signup_id)
    said = (await store.said_of(site.pool, [known.account_id]))[known.account_id]
    return account, grid, said, await changes_of(site, known, account, grid, said)


async def show(request: web.Request) -> web.Response:
    """What a pause means, above all that it is paid for; or how to end it."""
    _, known = await owned(request)
    account, _, _, changes = await decided(request, known)
    _check(account, changes)
    return page(request, "pause.html", account=account, wishes=changes.wishes)


def _check(account: Account, changes: Changes) -> None:
    if not changes.can_pause:
        raise Refused("already-ended" if account.ended else "nothing-to-pause")


async def pause(request: web.Request) -> web.Response:
    """The grid is to be stopped."""
    return await _choose(request, paused=True)


async def unpause(request: web.Request) -> web.Response:
    """The grid is to be served again."""
    return await _choose(request, paused=False)


async def _choose(request: web.Request, *, paused: bool) -> web.Response:
    _, known = await owned(request)
    account, grid, _, changes = await decided(request, known)
    _check(account, changes)
    site = site_of(request)
    async with site.pool.transaction() as tx:
        await wishes.pause(tx, known.account_id, grid["grid_id"], site.clock.now(), paused=paused)
    return see_other(f"/account/{known.account_id}?done={'paused' if paused else 'unpaused'}#leave-title")
