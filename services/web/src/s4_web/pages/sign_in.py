"""Signing in: an address is given, a letter comes, its link is opened and its button pressed."""

from datetime import datetime, timedelta

from aiohttp import web

from s4_web import limits, sessions, store
from s4_web.accounts import store as accounts
from s4_web.accounts.store import Known
from s4_web.address import email_of, masked
from s4_web.claim_token import SignIn
from s4_web.html import page, see_other
from s4_web.owner.email import went_elsewhere
from s4_web.security import FORM, browser_of
from s4_web.site import site_of
from s4_web.troubles import Refused

_ONE_CLICK = timedelta(minutes=1)  # whose answer was lost may press the button again
_NO_ADDRESS = "Please give the address that you signed up with, such as name@example.com."


async def show(request: web.Request) -> web.Response:
    """The form."""
    return page(request, "sign_in.html", email="", problem="", is_needed="first" in request.query)


async def ask(request: web.Request) -> web.Response:
    """The same answer for every address, whether we know it or not."""
    typed = request[FORM].get("email", "").strip(" ")
    email = email_of(typed)
    if email is None:
        return page(request, "sign_in.html", status=422, email=typed, problem=_NO_ADDRESS, is_needed=False)
    await limits.ask_to_sign_in(site_of(request), email, limits.from_where(request))
    return see_other("/sign-in/sent")


async def sent(request: web.Request) -> web.Response:
    """Look into your mail."""
    return page(request, "sign_in_sent.html")


async def _letter(request: web.Request, token: str) -> tuple[SignIn, list[Known]]:
    """The genuine link, and the accounts that it opens: none, if it went to an address that they had before."""
    site = site_of(request)
    letter = site.verifier.sign_in(token)
    known = await accounts.same_address(site.pool, letter.account_id) if letter else []
    if letter is None or not known or await went_elsewhere(site.pool, letter):
        raise Refused("sign-in-link-bad")
    return letter, known


async def open_link(request: web.Request) -> web.Response:
    """A page with a button. Looking signs nobody in: mail scanners open links too."""
    token = request.query.get("token", "")
    letter, known = await _letter(request, token)
    browser = browser_of(request)
    may_reread = await store.may_reread(site_of(request).pool, letter.letter_id, browser, _just_now(request))
    if letter.is_expired or may_reread is False:
        return _over(request, letter)
    return page(request, "sign_in_link.html", token=token, address=masked(known[0].email))


async def enter(request: web.Request) -> web.Response:
    """Signed in; the link is used up, but for the same browser's second click."""
    site, browser = site_of(request), browser_of(request)
    letter, known = await _letter(request, request[FORM].get("token", ""))
    if letter.is_expired or browser is None:
        return _over(request, letter)
    cookie, session = sessions.begin(request, letter.letter_id, letter.account_id)
    before = await sessions.session_of(request)
    async with site.pool.transaction() as tx:
        if not await accounts.keeps(tx, letter.account_id, known[0].email):
            raise Refused("sign-in-link-bad")
        is_first = await store.burn(tx, letter.letter_id, letter.account_id, browser, site.clock.now())
        may_again = await store.may_reread(tx, letter.letter_id, browser, _just_now(request))
        if not is_first and not (may_again and await accounts.is_open(tx, letter.letter_id)):
            return _over(request, letter)
        if before and before.letter_id != letter.letter_id:
            await accounts.end_session(tx, before.session)
        await accounts.add_session(tx, session, sessions.oldest(site))
    is_same_person = before is not None and before.account_id in {one.account_id for one in known}
    response = see_other((before.wanted if before and is_same_person else None) or "/account")
    sessions.remember(request, response, cookie)
    return response


def _just_now(request: web.Request) -> datetime:
    return site_of(request).clock.now() - _ONE_CLICK


def _over(request: web.Request, letter: SignIn) -> web.Response:
    return page(request, "sign_in_over.html", status=410, is_expired=letter.is_expired)


async def sign_out(request: web.Request) -> web.Response:
    """Signed out; who was not is no worse off."""
    session = await sessions.session_of(request)
    if session:
        await accounts.end_session(site_of(request).pool, session.session)
    response = see_other("/")
    sessions.forget(request, response)
    return response


async def ask_anew(request: web.Request) -> web.Response:
    """A fresh link for who is signed in, but not recently enough."""
    owner = await sessions.owner_of(request)
    await limits.ask_to_sign_in(site_of(request), owner.email, limits.from_where(request))
    return see_other("/sign-in/sent")
