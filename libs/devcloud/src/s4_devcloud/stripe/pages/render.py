"""HTML from templates, with the headers of a page that takes card numbers."""

import urllib.parse
from datetime import UTC, datetime
from pathlib import Path

import jinja2
from aiohttp import web

from s4_devcloud.stripe.wire import Wire

_HERE = Path(__file__).parent
_ZERO_DECIMAL = (
    "bif",
    "clp",
    "djf",
    "gnf",
    "jpy",
    "kmf",
    "krw",
    "mga",
    "pyg",
    "rwf",
    "ugx",
    "vnd",
    "vuv",
    "xaf",
    "xof",
)
_THREE_DECIMAL = ("bhd", "jod", "kwd", "omr", "tnd")


class Renderer:
    """The templates of this package."""

    def __init__(self) -> None:
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined
        )
        self._templates.filters.update(money=money, day=day, each=each)

    def page(
        self,
        template: str,
        status: int = 200,
        *,
        framed_by: str | None = None,
        goes_to: str | None = None,
        **values: object,
    ) -> web.Response:
        """A page; `framed_by` is the origin that may frame it, `goes_to` where its form may lead the browser."""
        text = self._templates.get_template(template).render(values)
        return web.Response(text=text, status=status, content_type="text/html", headers=_headers(framed_by, goes_to))


def _headers(framed_by: str | None, goes_to: str | None) -> dict[str, str]:
    """The form's own redirect counts for form-action in Chromium, so its target is allowed too."""
    forms = " ".join(filter(None, ("'self'", goes_to)))
    policy = (
        f"default-src 'none'; style-src 'self'; script-src 'self'; form-action {forms}; base-uri 'none'; "
        f"frame-ancestors {framed_by or chr(39) + 'none' + chr(39)}"
    )
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def origin_of(url: str | None) -> str | None:
    """Scheme, host and port of an address; None if it has none."""
    if url is None:
        return None
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") and parts.netloc else None


def money(amount: int, currency: str) -> str:
    """An amount of minor units as people write it."""
    digits = 0 if currency in _ZERO_DECIMAL else 3 if currency in _THREE_DECIMAL else 2
    return f"{amount / 10**digits:,.{digits}f} {currency.upper()}"


def day(moment: int) -> str:
    """A day as people write it."""
    at = datetime.fromtimestamp(moment, UTC)
    return f"{at.day} {at:%B %Y}"


def each(price: Wire) -> str:
    """How often a recurring price is due."""
    interval, count = price["recurring"]["interval"], price["recurring"]["interval_count"]
    return f"per {interval}" if count == 1 else f"every {count} {interval}s"


def asset(name: str, content_type: str) -> web.Response:
    """A file of this package."""
    text = (_HERE / "static" / name).read_text(encoding="utf-8")
    return web.Response(text=text, content_type=content_type, headers={"Cache-Control": "no-cache"})
