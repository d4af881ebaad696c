"""Who stands at the portal's door, and what they are let do.

Whoever has the address is let in; it holds a secret, leads nowhere after a while, and is written to no journal.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from s4_devcloud.stripe import portal
from s4_devcloud.stripe.pages.render import Renderer, origin_of
from s4_devcloud.stripe.problems import Problem
from s4_devcloud.stripe.resources.portal_sessions import FEATURES, configuration_of
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire
from s4_devcloud.stripe.world import World


@dataclass(frozen=True)
class Visit:
    """One request by somebody with a good address; `about` is the subscription that the path names."""

    secret: str
    session: Wire
    configuration: Wire
    fields: dict[str, str]
    about: str
    is_done: bool

    @property
    def path(self) -> str:
        """The address of the first page."""
        return f"/p/session/{self.secret}"

    @property
    def features(self) -> Wire:
        """What the configuration allows."""
        features: Wire = self.configuration["features"]
        return features

    @property
    def flow(self) -> Wire | None:
        """The one thing that the session is for; None where the whole portal is open."""
        flow: Wire | None = self.session["flow"]
        if flow is not None and self.is_done and flow["after_completion"]["type"] == "portal_homepage":
            return None
        return flow

    def may(self, flow_type: str) -> bool:
        """Whether this can be done here: it is allowed, and the session is not for something else."""
        return self.features[FEATURES[flow_type]]["enabled"] and (self.flow is None or self.flow["type"] == flow_type)

    def need(self, flow_type: str) -> None:
        """Raise Problem 404 unless it can be done here."""
        if not self.may(flow_type):
            raise Problem(404, "Not here.")

    def subscription(self, tx: Transaction, flow_type: str) -> Wire:
        """The subscription that the path names. Raises Problem 404 unless it is this customer's, and this flow's."""
        self.need(flow_type)
        found = tx.need("subscription", self.about)
        if found["customer"] != self.session["customer"]:
            raise Problem(404, "Not yours.")
        if self.flow is not None and self.flow[flow_type]["subscription"] != self.about:
            raise Problem(404, "Not this one.")
        return found


Handler = Callable[[Visit], web.Response]


class Door:
    """Lets requests in, and sends them on."""

    def __init__(self, world: World, renderer: Renderer) -> None:
        self.world = world
        self._renderer = renderer

    def visited(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        """The handler behind the door: 404 for an address that never was, 410 for one whose time has passed."""

        async def receive(http: web.Request) -> web.Response:
            sent = await http.post() if http.method == "POST" else {}
            fields = {name: value for name, value in sent.items() if isinstance(value, str)}
            try:
                with self.world.transaction() as tx:
                    visit, leads_on = self._enter(tx, http, fields)
                return handler(visit) if leads_on else self.page(visit, "portal_expired.html", 410)
            except Problem:
                return self._renderer.page("missing.html", 404)

        return receive

    def page(self, visit: Visit, template: str, status: int = 200, **values: object) -> web.Response:
        """One of the portal's pages."""
        redirect = ((visit.session["flow"] or {}).get("after_completion", {}).get("redirect") or {}).get("return_url")
        leads = filter(None, (origin_of(visit.session["return_url"]), origin_of(redirect)))
        goes_to = " ".join(sorted(set(leads)))
        return self._renderer.page(
            template, status, framed_by=None, goes_to=goes_to, visit=visit, session=visit.session, **values
        )

    def completed(self, visit: Visit) -> web.Response:
        """Where the browser goes once something was done."""
        if visit.flow is None:
            return see_other(visit.path)
        with self.world.transaction() as tx:
            portal.finish(tx, visit.secret)
        after = visit.flow["after_completion"]
        return see_other(after["redirect"]["return_url"] if after["type"] == "redirect" else visit.path)

    def _enter(self, tx: Transaction, http: web.Request, fields: dict[str, str]) -> tuple[Visit, bool]:
        secret = http.match_info["secret"]
        session, leads_on = portal.enter(tx, secret)
        about = http.match_info.get("about", "")
        is_done = portal.is_done(tx, secret)
        return Visit(secret, session, configuration_of(tx, session), fields, about, is_done), leads_on


def see_other(url: str) -> web.Response:
    """Go there and look."""
    return web.Response(status=303, headers={"Location": url, "Cache-Control": "no-store"})
