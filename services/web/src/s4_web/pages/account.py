"""The owner's account: how it stands, and what comes."""

from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

from aiohttp import web

from s4_runtime import PeerUnavailable, new_id
from s4_web.accounts import store
from s4_web.accounts.account import Account, from_events
from s4_web.accounts.ago import ago
from s4_web.accounts.history import SPANS, history
from s4_web.accounts.proofs import proof_of
from s4_web.accounts.reveals import reveals_of
from s4_web.accounts.standing import BADGES, kind_of, moments
from s4_web.accounts.store import Known
from s4_web.accounts.usage import days_of, usage_of
from s4_web.html import page, see_other
from s4_web.limits import ask_for_letter
from s4_web.outages import outage
from s4_web.owner.shown import changes_of
from s4_web.sessions import owned, owner_of
from s4_web.site import site_of
from s4_web.troubles import Refused


async def index(request: web.Request) -> web.Response:
    """The account, or a list where the address has several. Billing is not asked: events told enough."""
    owner, site = await owner_of(request), site_of(request)
    if len(owner.accounts) == 1:
        return see_other(f"/account/{owner.accounts[0].account_id}")
    said = await store.said_of(site.pool, [known.account_id for known in owner.accounts])
    accounts = [(known, from_events(known.account_id, said[known.account_id])) for known in owner.accounts]
    badges = {account.account_id: BADGES[kind_of(account, site.clock.now())] for _, account in accounts}
    return page(request, "accounts.html", owner=owner, accounts=accounts, badges=badges)


async def look(request: web.Request, known: Known, *, fresh: bool = False) -> tuple[Account, bool]:
    """The account, and whether billing answered; else it is what events told. ``fresh`` has Stripe asked first."""
    site = site_of(request)
    for is_asked_first in (True, False) if fresh else (False,):
        try:
            return await site.accounts.look(known.account_id, fresh=is_asked_first), True
        except (PeerUnavailable, Refused):
            continue
    said = await store.said_of(site.pool, [known.account_id])
    return from_events(known.account_id, said[known.account_id]), False


async def show(request: web.Request) -> web.Response:
    """Everything about one account. Coming back from Stripe's page, Stripe is asked what was changed there."""
    owner, known = await owned(request)
    site, done = site_of(request), request.query.get("done", "")
    account, is_answered = await look(request, known, fresh=done == "portal")
    said = await store.said_of(site.pool, [known.account_id])
    grid = await store.grid_of(site.pool, known.signup_id)
    changes = await changes_of(site, known, account, grid, said[known.account_id])
    account, now = changes.dated(account), site.clock.now()
    kind = kind_of(account, now)
    return page(
        request,
        "account.html",
        owner=owner,
        account=account,
        is_answered=is_answered,
        kind=kind,
        badge=BADGES[kind],
        moments=moments(account, now),
        grid=grid,
        outage=outage(grid, now),
        usage=await usage_of(site.pool, known.signup_id),
        **await _of_grid(request, known, now),
        grid_word=cast("str | None", said[known.account_id].get("grid", {}).get("word")),
        stopped_by=cast("str | None", said[known.account_id].get("stopped-by", {}).get("word")),
        done=done,
        request_id=new_id(),
        changes=changes,
    )


async def _of_grid(request: web.Request, known: Known, now: datetime) -> dict[str, Any]:
    """How the grid did over time, and who has its furl."""
    pool, days = site_of(request).pool, await days_of(site_of(request).pool, known.signup_id)
    return {
        "history": history(days, request.query.get("days", ""), now.astimezone(UTC).date()),
        "spans": SPANS,
        "proof": await proof_of(pool, known.signup_id),
        "reveals": await reveals_of(pool, known.account_id),
        "ago": partial(ago, now=now),
    }


async def letter(request: web.Request) -> web.Response:
    """A new link to the furl, to the owner's address."""
    _, known = await owned(request)
    grid = await store.grid_of(site_of(request).pool, known.signup_id)
    if grid.get("claim_ref") is None:
        raise Refused("not-ready")
    await ask_for_letter(site_of(request), known.account_id, grid["grid_id"])
    return see_other(f"/account/{known.account_id}?done=letter")
