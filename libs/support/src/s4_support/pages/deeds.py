"""What operators may do for an account: have a letter sent again, have a new link sent, look at the address."""

from aiohttp import web

from s4_contracts.ids import AccountId, GridId, LetterId, RequestId
from s4_contracts.support import LetterRequested, LinkRequested
from s4_runtime import is_id, new_id
from s4_support import accounts, standing
from s4_support.acts import Act, act
from s4_support.html import page, see_other
from s4_support.pages.account import account_of
from s4_support.security import FORM, WHO
from s4_support.site import site_of
from s4_support.troubles import Refused

_SHORTEST, _LONGEST = 3, 500


async def ask_letter(request: web.Request) -> web.Response:
    """Why is this letter to be sent again?"""
    account_id, letter = await _thing(request, "letter")
    return page(request, "deed.html", deed="letter", account_id=account_id, about=letter, form_id=new_id())


async def letter(request: web.Request) -> web.Response:
    """The letter is asked for once more."""
    account_id, letter_id = await _thing(request, "letter")
    wish = _act(request, "letter-requested", account_id, letter_id)
    event = LetterRequested(
        account_id=AccountId(account_id),
        letter_id=LetterId(letter_id),
        request_id=RequestId(wish.form_id),
        occurred_at=site_of(request).clock.now(),
    )
    await act(site_of(request), wish, event)
    return see_other(f"/accounts/{account_id}")


async def ask_link(request: web.Request) -> web.Response:
    """Why is a new link to be sent?"""
    account_id, grid_id = await _living_grid(request)
    return page(request, "deed.html", deed="link", account_id=account_id, about=grid_id, form_id=new_id())


async def link(request: web.Request) -> web.Response:
    """A new link to the furl is asked for."""
    account_id, grid_id = await _living_grid(request)
    wish = _act(request, "link-requested", account_id, grid_id)
    event = LinkRequested(
        account_id=AccountId(account_id),
        grid_id=GridId(grid_id),
        request_id=RequestId(wish.form_id),
        occurred_at=site_of(request).clock.now(),
    )
    await act(site_of(request), wish, event)
    return see_other(f"/accounts/{account_id}")


async def ask_address(request: web.Request) -> web.Response:
    """Why must the address be seen?"""
    account = await account_of(request)
    return page(request, "deed.html", deed="address", account_id=account.account_id, about="", form_id=new_id())


async def address(request: web.Request) -> web.Response:
    """The account's addresses, this once; that they were seen is on record before they are."""
    account, site = await account_of(request), site_of(request)
    if not await act(site, _act(request, "address-seen", account.account_id, "")):
        return see_other(f"/accounts/{account.account_id}/address")
    shown = await accounts.addresses(site.pool, account.account_id)
    return page(request, "address.html", account_id=account.account_id, addresses=shown)


async def _thing(request: web.Request, kind: str) -> tuple[str, str]:
    """The account, and the thing of it that the address names. Raises Refused."""
    account_id, about = request.match_info["account_id"], request.match_info["about"]
    pool = site_of(request).pool
    if not (is_id(account_id) and is_id(about) and await accounts.has(pool, account_id, kind, about)):
        raise Refused("not-of-account")
    return account_id, about


async def _living_grid(request: web.Request) -> tuple[str, str]:
    account_id, grid_id = await _thing(request, "grid")
    account = await account_of(request)
    if grid_id not in standing.grids(account.latest):
        raise Refused("grid-deleted")
    return account_id, grid_id


def _act(request: web.Request, what: str, account_id: str, about: str) -> Act:
    form = request[FORM]
    form_id, reason = form.get("form_id", ""), form.get("reason", "").strip()
    if not is_id(form_id):
        raise Refused("bad-request")
    if not _SHORTEST <= len(reason) <= _LONGEST:
        raise Refused("reason-missing")
    return Act(form_id=form_id, who=request[WHO], what=what, account_id=account_id, about=about, reason=reason)
