"""/v2/core/events: thin events, newest first."""

from stripe.params.v2.core import EventListParams, EventRetrieveParams

from s4_devcloud.stripe.calls import Call, Route
from s4_devcloud.stripe.problems import no_such
from s4_devcloud.stripe.thin import retrieved, snapshot_name, thin_type
from s4_devcloud.stripe.version2 import page
from s4_devcloud.stripe.wire import Wire

_KEPT_SECONDS = 30 * 24 * 3600  # how far back Stripe lists
_URL = "/v2/core/events"


def routes() -> list[Route]:
    """Retrieve, list."""
    return [
        Route("GET", _URL, EventListParams, everything, ("limit", "object_id", "types", "created")),
        Route("GET", _URL + "/{event}", EventRetrieveParams, retrieve),
    ]


def everything(call: Call) -> Wire:
    """Thin events of the last 30 days, of some types, about an object or from some time."""
    types, about = call.params.get("types"), call.params.get("object_id")
    bounds = call.params.get("created", {})
    rows = [
        retrieved(event)
        for event in call.tx.newest_first("event")
        if event["created"] > call.tx.now - _KEPT_SECONDS and thin_type(event) is not None
    ]
    chosen = [
        row
        for row in rows
        if (types is None or row["type"] in types)
        and about in (None, row["related_object"]["id"])
        and _within(row["created"], bounds)
    ]
    return page(call, _URL, chosen)


def retrieve(call: Call) -> Wire:
    """One thin event."""
    name = call.names["event"]
    event = call.tx.get("event", snapshot_name(name))
    if event is None or thin_type(event) is None:
        raise no_such("event", name, "id")
    return retrieved(event)


def _within(moment: str, bounds: dict[str, str]) -> bool:
    """Whether a time is within bounds; all are written alike, so that their order is that of the letters."""
    tests = {"gt": str.__gt__, "gte": str.__ge__, "lt": str.__lt__, "lte": str.__le__}
    return all(tests[word](moment, bound) for word, bound in bounds.items())
