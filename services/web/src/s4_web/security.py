"""What a browser is allowed to do with our pages, and what it must show to change anything."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.typedefs import Handler

from s4_runtime import Secret
from s4_web import store
from s4_web.progress import Signup
from s4_web.site import Site, origin_of, site_of
from s4_web.troubles import Refused

Form = Mapping[str, str]

COOKIE_AGE = timedelta(days=90)
_COOKIE_FORM = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 bits in base64url
_MOST_FIELDS = 32
_POLICY = (
    "default-src 'none'; script-src 'self' {script}; style-src 'self'; img-src 'self'; connect-src 'self' {stripe}; "
    "frame-src {frames}; form-action 'self' {places}; frame-ancestors 'none'; base-uri 'none'"
)
_FOR_EVER = "public, max-age=31536000, immutable"
_NEW_COOKIE = web.RequestKey("new_cookie", str)
FORM = web.RequestKey("form", dict)
# Their query must not travel on as a referrer.
_SECRET_ADDRESSES = ("/claim", "/signup/return", "/sign-in/link", "/email/confirm", "/letters/stop")
# The one form that a mail program sends by itself, as RFC 8058 wants it: from no page of ours, without a cookie. The
# token in its address decides, and its body is not looked at.
_ONE_CLICK = "/letters/stop"


def browser_of(request: web.Request) -> bytes | None:
    """What the database knows this browser by: the hash of its cookie; None when it has none."""
    cookie = _cookie(request)
    return hash_of(cookie) if cookie else None


def hash_of(cookie: str) -> bytes:
    """What is kept of a cookie."""
    return hashlib.sha256(cookie.encode()).digest()


async def open_signup(request: web.Request) -> Signup:
    """The signup that this browser is about. Raises Refused when it has none."""
    browser = browser_of(request)
    found = await store.current_signup(site_of(request).pool, browser) if browser else None
    if found is None:
        raise Refused("no-signup")
    return found


def new_cookie() -> str:
    """A cookie that nobody can guess."""
    return secrets.token_urlsafe(32)


def read_cookie(request: web.Request, name: str) -> str | None:
    """The cookie of that name, if it is of the kind that we make."""
    cookie = request.cookies.get(name, "")
    return cookie if _COOKIE_FORM.fullmatch(cookie) else None


def csrf_token(request: web.Request) -> str:
    """The token that a form of this browser must carry. A browser without a cookie gets one with the answer."""
    cookie = _cookie(request)
    if cookie is None:
        cookie = request[_NEW_COOKIE] = new_cookie()
    return _csrf(site_of(request).settings.cookie_key, cookie)


def _cookie(request: web.Request) -> str | None:
    return request.get(_NEW_COOKIE) or read_cookie(request, site_of(request).cookie_name)


def _csrf(key: Secret, cookie: str) -> str:
    return hmac.new(key.reveal().encode(), f"csrf:{cookie}".encode(), hashlib.sha256).hexdigest()


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a POST through only from our own page in the same browser; its form is in ``request[FORM]``."""
    if request.method == "POST" and request.path == _ONE_CLICK:
        request[FORM] = {}
    elif request.method == "POST":
        _check_origin(request)
        request[FORM] = form = await _read_form(request)
        shown = request.headers.get("X-CSRF-Token") or form.get("csrf", "")
        cookie = _cookie(request)
        expected = _csrf(site_of(request).settings.cookie_key, cookie) if cookie else ""
        if not cookie or not hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), expected.encode()):
            raise _not_ours(request)
    return await handler(request)


def _not_ours(request: web.Request) -> Refused:
    is_of_account = request.path.startswith(("/account", "/sign-", "/email"))
    return Refused("account-form-not-ours") if is_of_account else Refused("form-not-ours")


def _check_origin(request: web.Request) -> None:
    # "null" is what a browser sends from a page of ours with Referrer-Policy: no-referrer (Fetch, "append a request
    # Origin header"); Sec-Fetch-Site tells it from a stranger's, and the token decides where that is not sent.
    is_near = request.headers.get("Sec-Fetch-Site", "same-origin") in {"same-origin", "none"}
    if not is_near or request.headers.get("Origin", "null") not in {"null", site_of(request).origin}:
        raise _not_ours(request)


async def _read_form(request: web.Request) -> dict[str, str]:
    body = await request.read()
    if not body or request.content_type == "application/json":
        return {}
    if request.content_type != "application/x-www-form-urlencoded":
        raise Refused("unsupported-form")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise Refused("bad-request") from None
    if len({name for name, _ in pairs}) < len(pairs):
        raise Refused("bad-request")
    return dict(pairs)


async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Every answer carries the policies, and a new browser its cookie."""
    site = site_of(request)
    pays_here, is_account = request.path == "/pay", request.path.startswith("/account/")
    is_secret = request.path.startswith(_SECRET_ADDRESSES)
    response.headers.update(
        {
            "Content-Security-Policy": content_policy(site, pays_here=pays_here, is_account=is_account),
            "Server": "S4",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer" if is_secret else "strict-origin-when-cross-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
            "Cross-Origin-Opener-Policy": "same-origin-allow-popups" if pays_here else "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
    )
    is_named_by_content = request.path.startswith("/static/") and "v" in request.query and response.status < 400
    response.headers["Cache-Control"] = _FOR_EVER if is_named_by_content else "no-store"
    if site.is_https:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"


def give_cookie(request: web.Request, response: web.Response) -> None:
    """A browser that was new when its page was made gets its cookie with it."""
    if cookie := request.get(_NEW_COOKIE):
        set_cookie(site_of(request), response, site_of(request).cookie_name, cookie, COOKIE_AGE)


def set_cookie(site: Site, response: web.StreamResponse, name: str, cookie: str, age: timedelta) -> None:
    """The browser keeps the cookie for so long; no time at all takes it away."""
    # Lax: Stripe sends people back to us, and Strict would hide the cookie then.
    seconds = int(age.total_seconds())
    response.set_cookie(name, cookie, max_age=seconds, path="/", secure=site.is_https, httponly=True, samesite="Lax")


def content_policy(site: Site, *, pays_here: bool, is_account: bool) -> str:
    """Only what we serve ourselves; where people pay also Stripe.js and its places; from accounts, on to its portal."""
    if not pays_here:
        places = " ".join(map(origin_of, site.settings.portal_origins)) if is_account else ""
        return _POLICY.format(script="", stripe="", frames="'none'", places=places).replace(" ;", ";")
    script = origin_of(site.settings.stripe_js_url)
    stripe = " ".join(dict.fromkeys([script, *map(origin_of, site.settings.checkout_origins)]))
    return _POLICY.format(script=script, stripe=stripe, frames=stripe, places=stripe)
