"""The portal's page that asks whether a plan shall be changed as the shop proposes."""

from aiohttp import web

from s4_devcloud.stripe import portal
from s4_devcloud.stripe.pages.portal_view import plan_of
from s4_devcloud.stripe.pages.portal_visit import Door, Visit
from s4_devcloud.stripe.problems import CardProblem, Problem
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire

_FLOW = "subscription_update_confirm"
_SHOWN_SECONDS = 3600  # how long an amount that was shown is charged as it was shown


class ChangePages:
    """What the change costs to the second, and a button."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def show(self, visit: Visit) -> web.Response:
        """The new price and what is due today."""
        with self._door.world.transaction() as tx:
            return self._page(visit, tx, tx.now)

    def change(self, visit: Visit) -> web.Response:
        """Change it for the amount that was shown; a declined card changes nothing."""
        try:
            with self._door.world.transaction() as tx:
                subscription, item = _subject(visit, tx)
                portal.change(tx, subscription, item, visit.features, _moment(visit, tx.now))
        except CardProblem as declined:
            with self._door.world.transaction() as tx:
                return self._page(visit, tx, tx.now, declined.message)
        return self._door.completed(visit)

    def _page(self, visit: Visit, tx: Transaction, at: int, problem: str = "") -> web.Response:
        subscription, item = _subject(visit, tx)
        price = tx.need("price", item["price"])
        return self._door.page(
            visit,
            "portal_change.html",
            402 if problem else 200,
            plan=plan_of(tx, subscription),
            price=price,
            product=tx.need("product", price["product"]),
            invoice=portal.preview(tx, subscription, item, visit.features, at),
            at_once=visit.features["subscription_update"]["proration_behavior"] == "always_invoice",
            at=at,
            problem=problem,
        )


def _subject(visit: Visit, tx: Transaction) -> tuple[Wire, Wire]:
    """The subscription, and what its item becomes. Raises Problem 404 once it is so, or outside of the flow."""
    subscription = visit.subscription(tx, _FLOW)
    if visit.flow is None or visit.is_done:
        raise Problem(404, "There is nothing to confirm.")
    item: Wire = visit.flow[_FLOW]["items"][0]
    return subscription, item


def _moment(visit: Visit, now: int) -> int:
    """When the amount was shown; now, if that is too long ago or not a time."""
    shown = visit.fields.get("at", "")
    return int(shown) if shown.isdecimal() and now - _SHOWN_SECONDS <= int(shown) <= now else now
