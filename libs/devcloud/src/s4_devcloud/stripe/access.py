"""Who may call the API, and in which version."""

import base64
import binascii
import hmac

from aiohttp import web

from s4_devcloud.stripe.problems import Problem
from s4_devcloud.stripe.settings import Settings
from s4_devcloud.stripe.wire import API_VERSION


def check_key(http: web.Request, settings: Settings) -> None:
    """Raise Problem 401 unless the request carries the secret key, as a bearer token or as a Basic user name."""
    key = _key(http.headers.get("Authorization", ""))
    if not key:
        raise Problem(
            401,
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        )
    if _same(key, settings.publishable_key):
        raise Problem(
            401,
            "This API call cannot be made with a publishable API key. Please use a secret API key.",
            code="secret_key_required",
        )
    if not _same(key, settings.secret_key):
        raise Problem(401, f"Invalid API Key provided: {masked(key)}")


def check_version(http: web.Request) -> None:
    """Raise Problem 400 for a version other than the SDK's; without the header it is the account's, the same."""
    version = http.headers.get("Stripe-Version", API_VERSION)
    if version != API_VERSION:
        raise Problem(400, f"Invalid Stripe API version: {version}. The local stand-in speaks {API_VERSION} only.")


def check_publishable(key: str, settings: Settings) -> None:
    """Raise Problem 401 unless it is the publishable key, which is all that a browser may hold."""
    if not _same(key, settings.publishable_key):
        raise Problem(401, f"Invalid API Key provided: {masked(key)}")


def masked(key: str) -> str:
    """A key of which only its kind can be read."""
    prefix = "_".join(key.split("_")[:2])
    return (
        prefix + "_" if prefix in ("sk_test", "sk_live", "pk_test", "pk_live", "rk_test", "rk_live") else ""
    ) + "****"


def _key(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
