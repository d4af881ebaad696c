"""Another address for an account: asked for here, confirmed from both addresses, by links in letters."""

from aiohttp import web

from s4_web.accounts.store import Known
from s4_web.address import email_of, masked
from s4_web.claim_token import EmailLink
from s4_web.html import page, see_other
from s4_web.owner import email
from s4_web.pages.changes import confirm_first
from s4_web.security import FORM
from s4_web.sessions import owned
from s4_web.site import site_of
from s4_web.troubles import Refused

_NO_ADDRESS = "Please give the address that your letters are to go to, such as name@example.com."
_SAME = "That is the address that you have already."


async def show(request: web.Request) -> web.Response:
    """The form; or, while a change waits, who has confirmed it."""
    owner, known = await owned(request)
    pending = await email.open_change(site_of(request).pool, known.email, site_of(request).clock.now())
    if pending is None and not owner.is_recent:
        return await confirm_first(request, owner, f"/account/{known.account_id}/email")
    return _form(request, known, pending=pending)


def _form(
    request: web.Request, known: Known, *, pending: email.Change | None = None, typed: str = "", problem: str = ""
) -> web.Response:
    status, done = 422 if problem else 200, request.query.get("done", "")
    values = {"known": known, "pending": pending, "typed": typed, "problem": problem, "done": done}
    return page(request, "email.html", status=status, **values, valid_for=site_of(request).settings.email_change_open)


async def ask(request: web.Request) -> web.Response:
    """Letters go to both addresses. Whether anybody has an account by the new one is not told, whichever it is."""
    owner, known = await owned(request)
    if not owner.is_recent:
        return await confirm_first(request, owner, f"/account/{known.account_id}/email")
    typed = request[FORM].get("email", "").strip(" ")
    wanted = email_of(typed)
    if wanted is None:
        return _form(request, known, typed=typed, problem=_NO_ADDRESS)
    if wanted.lower() == known.email.lower():
        return _form(request, known, typed=typed, problem=_SAME)
    await email.ask(site_of(request), known.account_id, known.email, wanted)
    return see_other(f"/account/{known.account_id}/email")


async def withdraw(request: web.Request) -> web.Response:
    """Nothing waits any more; who withdraws twice is no worse off."""
    _, known = await owned(request)
    await email.withdraw(site_of(request), known.email)
    return see_other(f"/account/{known.account_id}?done=email-withdrawn#settings-title")


async def _letter(request: web.Request, token: str) -> tuple[EmailLink, email.Change]:
    """The genuine link, and what it is about. Raises Refused."""
    link = site_of(request).verifier.email(token)
    change = await email.find(site_of(request).pool, link) if link else None
    if link is None or change is None:
        raise Refused("email-link-bad")
    return link, change


async def open_link(request: web.Request) -> web.Response:
    """What would happen. Looking confirms nothing: mail scanners open links too."""
    token = request.query.get("token", "")
    link, change = await _letter(request, token)
    return _answer(request, link, change, token)


async def answer(request: web.Request) -> web.Response:
    """Confirmed from this address, or refused; asked again, it says how it stands."""
    site, token, said = site_of(request), request[FORM].get("token", ""), request[FORM].get("answer", "")
    if said not in {"confirm", "refuse"}:
        raise Refused("bad-request")
    link, change = await _letter(request, token)
    if change.standing(site.clock.now()) == "open" and not link.is_expired:
        await (email.confirm if said == "confirm" else email.refuse)(site, link, change)
        link, change = await _letter(request, token)
    return _answer(request, link, change, token)


def _answer(request: web.Request, link: EmailLink, change: email.Change, token: str) -> web.Response:
    state = change.standing(site_of(request).clock.now())
    if state == "open" and link.is_expired:
        state = "expired"
    has_confirmed = bool(change.old_confirmed_at if link.side == "old" else change.new_confirmed_at)
    is_over = state != "open" and not (state == "done" or (state == "refused" and request.method == "POST"))
    return page(
        request,
        "email_confirm.html",
        status=410 if is_over else 200,
        state=state,
        side=link.side,
        has_confirmed=has_confirmed,
        token=token,
        old_email=change.old_email if link.side == "old" else masked(change.old_email),
        new_email=change.new_email,
        ends_at=change.ends_at,
    )
