"""Who is signed in: a cookie of its own, given by the link in a letter."""

from datetime import datetime, timedelta

import msgspec
from aiohttp import web

from s4_runtime import is_id
from s4_web.accounts import store, visits
from s4_web.accounts.store import Known, Session
from s4_web.accounts.traces import Trace, browser_words, place_words
from s4_web.limits import from_where
from s4_web.security import hash_of, new_cookie, read_cookie, set_cookie
from s4_web.site import Site, site_of
from s4_web.troubles import Refused


class Owner(msgspec.Struct, frozen=True):
    """Somebody who is signed in, and all accounts of their address, the latest first."""

    session: Session
    accounts: tuple[Known, ...]
    is_recent: bool

    @property
    def email(self) -> str:
        """The address that all the accounts belong to."""
        return self.accounts[0].email


def is_signed_in(request: web.Request) -> bool:
    """Whether the browser has the cookie of a session; whether that goes on, ``owner_of`` knows."""
    return _cookie(request) is not None


def oldest(site: Site) -> datetime:
    """Sessions from before this are over."""
    return site.clock.now() - site.settings.session_age


async def session_of(request: web.Request) -> Session | None:
    """The session of this browser."""
    site, cookie = site_of(request), _cookie(request)
    return await store.session(site.pool, hash_of(cookie), oldest(site)) if cookie else None


async def owner_of(request: web.Request) -> Owner:
    """Who is signed in. Raises HTTPSeeOther to where one can, if nobody is."""
    site, session = site_of(request), await session_of(request)
    accounts = await store.same_address(site.pool, session.account_id) if session else []
    if session is None or not accounts:
        away = web.HTTPSeeOther("/sign-in?first=yes")
        forget(request, away)
        raise away
    await visits.touch(site.pool, session, trace_of(request), site.clock.now())
    is_recent = session.signed_in_at > site.clock.now() - site.settings.recent_sign_in
    return Owner(session, tuple(accounts), is_recent)


async def owned(request: web.Request) -> tuple[Owner, Known]:
    """The account that the address names. Raises Refused if it is not this person's, as if there were none."""
    owner, account_id = await owner_of(request), request.match_info["account_id"]
    found = next((known for known in owner.accounts if known.account_id == account_id), None)
    if found is None or not is_id(account_id):
        raise Refused("not-found")
    return owner, found


def trace_of(request: web.Request) -> Trace:
    """What may be kept of where the request came from."""
    agent = request.headers.get("User-Agent", "")
    return Trace(browser_words(agent), place_words(from_where(request)))


def begin(request: web.Request, letter_id: str, account_id: str) -> tuple[str, Session]:
    """A cookie that nobody has, and the session that it opens."""
    cookie = new_cookie()
    return cookie, Session(hash_of(cookie), letter_id, account_id, site_of(request).clock.now(), None)


def remember(request: web.Request, response: web.StreamResponse, cookie: str) -> None:
    """The browser keeps the session's cookie as long as the session can last."""
    set_cookie(site_of(request), response, _name(request), cookie, site_of(request).settings.session_age)


def forget(request: web.Request, response: web.StreamResponse) -> None:
    """The browser keeps no session's cookie."""
    if _name(request) in request.cookies:
        set_cookie(site_of(request), response, _name(request), "", timedelta())


def _name(request: web.Request) -> str:
    return f"{site_of(request).cookie_name}-in"


def _cookie(request: web.Request) -> str | None:
    return read_cookie(request, _name(request))
