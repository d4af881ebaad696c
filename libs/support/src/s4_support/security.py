"""Who may come in, what their browser may do with our pages, and what it must show to change anything."""

import hashlib
import hmac
import re
import secrets
from datetime import timedelta
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.typedefs import Handler

from s4_support import sessions
from s4_support.site import Site, site_of
from s4_support.troubles import Refused

FORM = web.RequestKey("form", dict)
WHO = web.RequestKey("who", str)
_NEW_COOKIE = web.RequestKey("new_cookie", str)
_COOKIE_FORM = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 bits in base64url
_COOKIE_AGE = timedelta(days=1)
_MOST_FIELDS = 16
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Server": "S4",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_OPEN = ("/sign-in", "/static/")


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in who is signed in, and a POST only from our own page in the same browser; ``request[WHO]`` is the name."""
    if request.method == "POST":
        _check_origin(request)
        request[FORM] = form = await _read_form(request)
        cookie = _cookie(request)
        expected = csrf_of(site_of(request), cookie) if cookie else ""
        shown = form.get("csrf", "").encode("utf-8", "surrogateescape")
        if not cookie or not hmac.compare_digest(shown, expected.encode()):
            raise Refused("form-not-ours")
    if not request.path.startswith(_OPEN):
        cookie = _cookie(request)
        who = await sessions.who(site_of(request), hash_of(cookie)) if cookie else None
        if who is None:
            return web.Response(status=303, headers={"Location": "/sign-in"})
        request[WHO] = who
    return await handler(request)


def _check_origin(request: web.Request) -> None:
    # "null" is what a browser sends from a page with Referrer-Policy: no-referrer (Fetch, "append a request Origin
    # header"); Sec-Fetch-Site tells it from a stranger's, and the token decides where that is not sent.
    is_near = request.headers.get("Sec-Fetch-Site", "same-origin") in {"same-origin", "none"}
    if not is_near or request.headers.get("Origin", "null") not in {"null", site_of(request).settings.origin}:
        raise Refused("form-not-ours")


async def _read_form(request: web.Request) -> dict[str, str]:
    body = await request.read()
    if request.content_type != "application/x-www-form-urlencoded":
        raise Refused("bad-request")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise Refused("bad-request") from None
    if len({name for name, _ in pairs}) < len(pairs) or any("\0" in value for _, value in pairs):
        raise Refused("bad-request")
    return dict(pairs)


def csrf_token(request: web.Request) -> str:
    """The token that a form of this browser must carry. A browser without a cookie gets one with the answer."""
    cookie = _cookie(request)
    if cookie is None:
        cookie = request[_NEW_COOKIE] = new_cookie()
    return csrf_of(site_of(request), cookie)


def csrf_of(site: Site, cookie: str) -> str:
    """The token that goes with the cookie."""
    return sign(site, "csrf", cookie).hex()


def sign(site: Site, purpose: str, text: str) -> bytes:
    """What nobody without our key can make of the text."""
    return hmac.new(site.settings.cookie_key.reveal().encode(), f"{purpose}:{text}".encode(), hashlib.sha256).digest()


def new_cookie() -> str:
    """A cookie that nobody can guess."""
    return secrets.token_urlsafe(32)


def hash_of(cookie: str) -> bytes:
    """What is kept of a cookie."""
    return hashlib.sha256(cookie.encode()).digest()


def session_of(request: web.Request) -> bytes | None:
    """What the database knows this browser's session by."""
    cookie = _cookie(request)
    return hash_of(cookie) if cookie else None


def _cookie(request: web.Request) -> str | None:
    found = request.get(_NEW_COOKIE) or request.cookies.get(site_of(request).cookie_name, "")
    return found if _COOKIE_FORM.fullmatch(found) else None


def set_cookie(request: web.Request, response: web.StreamResponse, cookie: str, age: timedelta = _COOKIE_AGE) -> None:
    """The browser keeps the cookie for so long; no time at all takes it away."""
    site = site_of(request)
    response.set_cookie(
        *(site.cookie_name, cookie),
        max_age=int(age.total_seconds()),
        path="/",
        secure=site.settings.is_https,
        httponly=True,
        samesite="Strict",
    )


def give_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """A browser that was new when its page was made gets its cookie with it."""
    if cookie := request.get(_NEW_COOKIE):
        set_cookie(request, response, cookie)


async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Every answer carries the policies, and nothing but the stylesheet is kept anywhere."""
    response.headers.update(_HEADERS)
    is_static = request.path.startswith("/static/") and "v" in request.query and response.status < 400
    response.headers["Cache-Control"] = "private, max-age=86400" if is_static else "no-store"
    if site_of(request).settings.is_https:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
