"""The page's routes, in one list."""

from pathlib import Path

from aiohttp import ClientSession, web

from s4_runtime import Clock, Permanent, ServiceClient, Temporary, correlation_middleware, error_middleware
from s4_runtime.operators import read
from s4_store import Pool
from s4_support import html
from s4_support.pages import account, deeds, find, sign_in
from s4_support.security import guard, set_headers
from s4_support.settings import Settings
from s4_support.site import SITE, Site

_TROUBLES = {Permanent: 400, Temporary: 503}  # the table of words gives each code its own status
_LARGEST_BODY = 16 * 1024  # bytes


def routes() -> list[web.RouteDef]:
    """What can be asked of the page."""
    at = "/accounts/{account_id}"
    return [
        web.get("/sign-in", sign_in.show),
        web.post("/sign-in", sign_in.enter),
        web.post("/leave", sign_in.leave),
        web.get("/", find.show),
        web.post("/find", find.find),
        web.get("/audit", find.audit),
        web.get(at, account.show),
        web.get(f"{at}/letters/{{about}}/again", deeds.ask_letter),
        web.post(f"{at}/letters/{{about}}/again", deeds.letter),
        web.get(f"{at}/grids/{{about}}/link", deeds.ask_link),
        web.post(f"{at}/grids/{{about}}/link", deeds.link),
        web.get(f"{at}/address", deeds.ask_address),
        web.post(f"{at}/address", deeds.address),
    ]


def build_app(settings: Settings, pool: Pool, session: ClientSession, clock: Clock) -> web.Application:
    """The page, ready to be served."""
    app = web.Application(
        client_max_size=_LARGEST_BODY,
        middlewares=[correlation_middleware, html.error_pages, error_middleware(_TROUBLES), guard],
    )
    static = web.StaticResource("/static", Path(__file__).parent / "static", name="static")
    app.router.register_resource(static)
    token = settings.billing_operator_token
    app[SITE] = Site(
        settings=settings,
        pool=pool,
        clock=clock,
        named=read(settings.operator_tokens) or {},
        billing=ServiceClient("billing", settings.billing_operator_url, token, session) if token else None,
        templates=html.environment(static),
    )
    app.add_routes(routes())
    app.on_response_prepare.append(set_headers)
    return app
