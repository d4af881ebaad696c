"""What every page has at hand."""

from collections.abc import Mapping

import msgspec
from aiohttp import web
from jinja2 import Environment

from s4_runtime import Clock, ServiceClient
from s4_store import Pool
from s4_store.audit import Audit
from s4_support.settings import Settings

AUDIT = Audit(about="account_id")


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """The parts that pages are made with; ``named`` is each operator's token by name."""

    settings: Settings
    pool: Pool
    clock: Clock
    named: Mapping[str, bytes]
    billing: ServiceClient | None
    templates: Environment

    @property
    def cookie_name(self) -> str:
        """With the __Host- prefix (RFC 6265bis, section 4.1.3.2) wherever the page is served over https."""
        return "__Host-s4-support" if self.settings.is_https else "s4-support"


SITE = web.AppKey("site", Site)


def site_of(request: web.Request) -> Site:
    """The site that the request is for."""
    return request.app[SITE]
