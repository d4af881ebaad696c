"""The portal's first page, and where the others are. Without JavaScript."""

from aiohttp import web

from s4_devcloud.stripe import portal
from s4_devcloud.stripe.pages.portal_cancel import CancelPages
from s4_devcloud.stripe.pages.portal_card import CardPages
from s4_devcloud.stripe.pages.portal_change import ChangePages
from s4_devcloud.stripe.pages.portal_view import overview
from s4_devcloud.stripe.pages.portal_visit import Door, Visit, see_other
from s4_devcloud.stripe.pages.render import Renderer
from s4_devcloud.stripe.problems import Problem
from s4_devcloud.stripe.world import World


class Portal:
    """The pages of the customer portal."""

    def __init__(self, world: World, renderer: Renderer) -> None:
        self._door = Door(world, renderer)
        self._cards, self._cancelling, self._changing = (
            CardPages(self._door),
            CancelPages(self._door),
            ChangePages(self._door),
        )

    def mount(self, app: web.Application) -> None:
        """Add the pages."""
        base, visited = "/p/session/{secret}", self._door.visited
        app.router.add_get(base, visited(self.home))
        app.router.add_get(base + "/card", visited(self._cards.show))
        app.router.add_post(base + "/card", visited(self._cards.add))
        app.router.add_get(base + "/card/authenticate", visited(self._cards.challenge))
        app.router.add_post(base + "/card/authenticate", visited(self._cards.answer_challenge))
        app.router.add_get(base + "/plans/{about}/cancel", visited(self._cancelling.show))
        app.router.add_post(base + "/plans/{about}/cancel", visited(self._cancelling.cancel))
        app.router.add_post(base + "/plans/{about}/keep", visited(self._cancelling.keep))
        app.router.add_get(base + "/plans/{about}/change", visited(self._changing.show))
        app.router.add_post(base + "/plans/{about}/change", visited(self._changing.change))
        app.router.add_post(base + "/plans/{about}/card", visited(self.pay_with))

    def home(self, visit: Visit) -> web.Response:
        """All that the customer has; where the session is for one thing, that thing."""
        if visit.flow is not None:
            return self._flow(visit)
        with self._door.world.transaction() as tx:
            seen = overview(tx, visit.session["customer"], visit.features)
        return self._door.page(visit, "portal.html", seen=seen)

    def pay_with(self, visit: Visit) -> web.Response:
        """Pay a plan with another of the customer's cards."""
        visit.need("payment_method_update")
        with self._door.world.transaction() as tx:
            subscription = tx.need("subscription", visit.about)
            method = tx.need("payment_method", visit.fields.get("card", ""))
            if {subscription["customer"], method["customer"]} != {visit.session["customer"]}:
                raise Problem(404, "Not yours.")
            portal.pay_with(tx, subscription, method)
        return see_other(visit.path)

    def _flow(self, visit: Visit) -> web.Response:
        flow = visit.session["flow"]
        if visit.is_done:
            return self._door.page(visit, "portal_done.html", after=flow["after_completion"])
        if flow["type"] == "payment_method_update":
            return see_other(visit.path + "/card")
        page = {"subscription_cancel": "cancel", "subscription_update_confirm": "change"}[flow["type"]]
        return see_other(f"{visit.path}/plans/{flow[flow['type']]['subscription']}/{page}")
