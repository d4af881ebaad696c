"""What every page has at hand."""

from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec
from aiohttp import web
from jinja2 import Environment

from s4_runtime import Clock
from s4_store import Pool
from s4_web.accounts.client import Accounts
from s4_web.address import Network
from s4_web.billing_client import Billing
from s4_web.claim_token import ClaimVerifier
from s4_web.invites_client import Invites
from s4_web.live import Live
from s4_web.provisioner_client import Provisioner
from s4_web.settings import Settings


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """The parts that pages are made with; built once, in main."""

    settings: Settings
    pool: Pool
    clock: Clock
    billing: Billing
    accounts: Accounts
    provisioner: Provisioner
    invites: Invites
    verifier: ClaimVerifier
    live: Live
    templates: Environment
    trusted: Sequence[Network]

    @property
    def is_https(self) -> bool:
        """Whether people reach the site over https."""
        return self.settings.public_url.startswith("https://")

    @property
    def cookie_name(self) -> str:
        """With the __Host- prefix (RFC 6265bis, section 4.1.3.2) wherever the site is served over https."""
        return "__Host-s4" if self.is_https else "s4"

    @property
    def origin(self) -> str:
        """Our own origin as browsers write it."""
        return origin_of(self.settings.public_url)


SITE = web.AppKey("site", Site)


def site_of(request: web.Request) -> Site:
    """The site that the request is for."""
    return request.app[SITE]


def origin_of(url: str) -> str:
    """Scheme, host and port, as browsers write them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
