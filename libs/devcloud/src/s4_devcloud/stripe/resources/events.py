"""/v1/events: what happened, newest first, for whoever missed a webhook."""

import fnmatch

from stripe.params import EventListParams, EventRetrieveParams

from s4_devcloud.stripe.calls import ANY_LIST, Call, Route
from s4_devcloud.stripe.lists import page
from s4_devcloud.stripe.problems import invalid
from s4_devcloud.stripe.wire import Wire

_KEPT_SECONDS = 30 * 24 * 3600  # how far back Stripe lists


def routes() -> list[Route]:
    """Retrieve, list."""
    return [
        Route("GET", "/v1/events", EventListParams, everything, (*ANY_LIST, "type", "types", "delivery_success")),
        Route("GET", "/v1/events/{event}", EventRetrieveParams, retrieve),
    ]


def everything(call: Call) -> Wire:
    """Events of the last 30 days, by type (`invoice.*` too) or by whether their delivery succeeded."""
    one, several = call.params.get("type"), call.params.get("types")
    if one is not None and several is not None:
        raise invalid("You may not specify both type and types.", "type")
    wanted = several if one is None else [one]
    delivered = call.params.get("delivery_success")
    return page(
        call,
        "event",
        "/v1/events",
        lambda row: row["created"] > call.tx.now - _KEPT_SECONDS,
        lambda row: wanted is None or any(fnmatch.fnmatchcase(row["type"], pattern) for pattern in wanted),
        lambda row: delivered is None or (row["pending_webhooks"] == 0) == delivered,
    )


def retrieve(call: Call) -> Wire:
    """One event, with the object as it was then."""
    return call.tx.need("event", call.names["event"])
