"""The portal's pages for ending a plan, and for keeping it after all."""

from aiohttp import web

from s4_devcloud.stripe import portal
from s4_devcloud.stripe.pages.portal_view import plan_of, scheduled_end
from s4_devcloud.stripe.pages.portal_visit import Door, Visit
from s4_devcloud.stripe.periods import end_of_period

_FLOW = "subscription_cancel"
_LONGEST_COMMENT = 1000
_REASONS = {
    "too_expensive": "It is too expensive",
    "missing_features": "Something that I need is missing",
    "switched_service": "I use another service now",
    "unused": "I do not use it enough",
    "customer_service": "I was not helped well",
    "too_complex": "It is too complicated",
    "low_quality": "It does not work well",
    "other": "Another reason",
}


class CancelPages:
    """A plan ends at once or with its period, as the configuration says."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def show(self, visit: Visit) -> web.Response:
        """What ending it means, and a button."""
        with self._door.world.transaction() as tx:
            subscription = visit.subscription(tx, _FLOW)
            plan = plan_of(tx, subscription)
        asked = visit.features["subscription_cancel"]["cancellation_reason"]
        reasons = {name: _REASONS[name] for name in asked["options"]} if asked["enabled"] else {}
        at_once = visit.features["subscription_cancel"]["mode"] == "immediately"
        end = None if at_once else end_of_period(subscription)
        return self._door.page(visit, "portal_cancel.html", plan=plan, end=end, reasons=reasons)

    def cancel(self, visit: Visit) -> web.Response:
        """End it. What has ended, or is going to, is left as it is."""
        feedback = visit.fields.get("feedback")
        comment = visit.fields.get("comment", "")[:_LONGEST_COMMENT]
        with self._door.world.transaction() as tx:
            subscription = visit.subscription(tx, _FLOW)
            if plan_of(tx, subscription).is_living and scheduled_end(subscription) is None:
                mode = visit.features["subscription_cancel"]["mode"]
                portal.cancel(tx, subscription, mode, feedback if feedback in _REASONS else None, comment)
        return self._door.completed(visit)

    def keep(self, visit: Visit) -> web.Response:
        """Take the end back while it has not come."""
        with self._door.world.transaction() as tx:
            subscription = visit.subscription(tx, _FLOW)
            if scheduled_end(subscription) is not None:
                portal.take_back(tx, subscription)
        return self._door.completed(visit)
