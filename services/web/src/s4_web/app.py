"""The site's routes, in one list."""

import ipaddress
from pathlib import Path

from aiohttp import ClientSession, web

from s4_runtime import Clock, Permanent, ServiceClient, Temporary, correlation_middleware, error_middleware
from s4_store import Pool
from s4_web import account_routes, html, owner_routes
from s4_web.accounts.client import Accounts
from s4_web.billing_client import Billing
from s4_web.claim_token import ClaimVerifier
from s4_web.invites_client import Invites
from s4_web.live import Live
from s4_web.pages import account, changes, claim, home, pay, plan, service, sign_in, signup, status
from s4_web.pages import help as help_pages
from s4_web.provisioner_client import Provisioner
from s4_web.security import guard, set_headers
from s4_web.service.board import Board
from s4_web.settings import Settings
from s4_web.site import SITE, Site
from s4_web.troubles import read_words

_TROUBLES = {Permanent: 400, Temporary: 503}  # the table of words gives each code its own status
_LARGEST_BODY = 64 * 1024  # bytes; our longest form has about one thousand


def routes() -> list[web.RouteDef]:
    """What can be asked of the site."""
    return [
        web.get("/", home.show),
        web.get("/how", home.how),
        web.get("/plans", home.plans),
        web.get("/help", help_pages.answers),
        web.get("/help/connect", help_pages.connecting),
        web.get("/terms", home.terms),
        web.get("/privacy", home.privacy),
        web.get("/service", service.show),
        web.get("/service.json", service.tell),
        web.get("/signup", signup.show),
        web.post("/signup", signup.submit),
        web.get("/signup/return", pay.come_back),
        web.get("/signup/cancelled", pay.cancelled),
        web.get("/pay", pay.show),
        web.post("/pay/session", pay.session),
        web.post("/pay/hosted", pay.hosted),
        web.get("/status", status.show),
        web.get("/status/events", status.events),
        web.post("/status/letter", status.ask_again),
        web.get("/claim", claim.show),
        web.post("/claim", claim.reveal),
        web.post("/claim/letter", claim.ask_again),
        web.get("/claim/sent", claim.sent),
        web.get("/sign-in", sign_in.show),
        web.post("/sign-in", sign_in.ask),
        web.get("/sign-in/sent", sign_in.sent),
        web.get("/sign-in/link", sign_in.open_link),
        web.post("/sign-in/link", sign_in.enter),
        web.post("/sign-in/again", sign_in.ask_anew),
        web.post("/sign-out", sign_in.sign_out),
        web.get("/account", account.index),
        *account_routes.routes(),
        web.get("/account/{account_id}", account.show),
        web.post("/account/{account_id}/letter", account.letter),
        web.post("/account/{account_id}/portal", changes.portal),
        web.get("/account/{account_id}/invoices/{invoice_id}/pdf", changes.invoice),
        web.get("/account/{account_id}/cancel", changes.leave),
        web.post("/account/{account_id}/cancel", changes.cancel),
        web.post("/account/{account_id}/resume", changes.resume),
        web.post("/account/{account_id}/pay", changes.pay),
        web.get("/account/{account_id}/plan", plan.choose),
        web.post("/account/{account_id}/plan/preview", plan.preview),
        web.post("/account/{account_id}/plan", plan.change),
        *owner_routes.routes(),
    ]


def build_app(settings: Settings, pool: Pool, session: ClientSession, clock: Clock, live: Live) -> web.Application:
    """The site, ready to be served. Raises Permanent for a setting that cannot be used."""
    app = web.Application(
        client_max_size=_LARGEST_BODY,
        middlewares=[correlation_middleware, html.error_pages(read_words()), error_middleware(_TROUBLES), guard],
    )
    static = web.StaticResource("/static", Path(__file__).parent / "static", name="static")
    app.router.register_resource(static)
    try:
        trusted = [ipaddress.ip_network(text) for text in settings.trusted_proxies]
    except ValueError:
        raise Permanent("trusted-proxies-unusable") from None
    billing = ServiceClient("billing", settings.billing_url, settings.billing_token, session)
    provisioner = ServiceClient("provisioner", settings.provisioner_url, settings.provisioner_token, session)
    invites = ServiceClient("invites", settings.invites_url, settings.invites_token, session)
    app[SITE] = Site(
        settings=settings,
        pool=pool,
        clock=clock,
        accounts=Accounts(billing),
        billing=Billing(billing, clock, settings.plans_kept),
        provisioner=Provisioner(provisioner),
        invites=Invites(invites),
        verifier=ClaimVerifier(settings.claim_public_key, clock),
        live=live,
        templates=html.environment(static),
        trusted=trusted,
    )
    app[service.BOARD] = Board(pool, app[SITE].billing, clock, settings.capacity_believed)
    app.add_routes(routes())
    app.on_response_prepare.append(set_headers)
    app.on_shutdown.append(live.close)
    return app
