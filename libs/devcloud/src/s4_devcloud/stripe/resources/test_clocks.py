"""/v1/test_helpers/test_clocks: time that moves when told to.

There is one clock here, the stand-in's own. Every test clock is a hand on it: advancing one moves time for all, and it
goes on by itself like any clock. At Stripe only the customers of a test clock feel it, and it stands still in between.
"""

from stripe.params.test_helpers import (
    TestClockAdvanceParams,
    TestClockCreateParams,
    TestClockDeleteParams,
    TestClockListParams,
    TestClockRetrieveParams,
)

from s4_devcloud.stripe.calls import ANY_LIST, Call, Route
from s4_devcloud.stripe.clock import FARTHEST
from s4_devcloud.stripe.lists import page
from s4_devcloud.stripe.periods import later
from s4_devcloud.stripe.problems import NotImplementedHere, invalid
from s4_devcloud.stripe.resources.customer_deletion import delete_customer
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire, new_id

KIND = "test_helpers.test_clock"
MOVED = "_clock"  # the kind of an order to move the stand-in's clock
_URL = "/v1/test_helpers/test_clocks"
_DELETED_AFTER = 30 * 24 * 3600  # seconds, Stripe's
_LATE = 24 * 3600  # seconds by which a new clock may be behind; nothing here goes back
_INTERVALS = 2  # of the shortest subscription, the farthest that Stripe advances at once


def routes() -> list[Route]:
    """Create, advance, retrieve, list, delete."""
    one = _URL + "/{clock}"
    listed = tuple(name for name in ANY_LIST if name != "created")
    return [
        Route("POST", _URL, TestClockCreateParams, create, ("frozen_time", "name")),
        Route("GET", _URL, TestClockListParams, everything, listed),
        Route("GET", one, TestClockRetrieveParams, retrieve),
        Route("POST", one + "/advance", TestClockAdvanceParams, advance, ("frozen_time",)),
        Route("DELETE", one, TestClockDeleteParams, delete),
    ]


def create(call: Call) -> Wire:
    """A hand on the clock, which goes ahead to the wanted time; says test_helpers.test_clock.created."""
    wanted = call.params["frozen_time"]
    if wanted < call.tx.now - _LATE:
        raise NotImplementedHere("a test clock that is behind the stand-in's clock", "frozen_time")
    clock: Wire = {
        "id": new_id("clock"),
        "object": KIND,
        "created": call.tx.now,
        "deletes_after": call.tx.now + _DELETED_AFTER,
        "frozen_time": wanted,
        "livemode": False,
        "name": call.params.get("name"),
        "status": "ready",
        "status_details": {},
    }
    _move(call, clock, wanted)
    call.tx.tell(f"{KIND}.created", clock)
    return call.tx.put(clock)


def everything(call: Call) -> Wire:
    """All test clocks."""
    return page(call, KIND, _URL)


def retrieve(call: Call) -> Wire:
    """One test clock."""
    return call.tx.need(KIND, call.names["clock"])


def advance(call: Call) -> Wire:
    """Go ahead, ready again when all that is due has happened; says test_helpers.test_clock.advancing."""
    clock = call.tx.need(KIND, call.names["clock"])
    wanted = call.params["frozen_time"]
    if clock["status"] != "ready":
        raise invalid("The test clock is advancing already.")
    if wanted <= clock["frozen_time"]:
        raise invalid("A test clock can only be advanced to a later time.", "frozen_time")
    farthest = _farthest(call.tx, clock)
    if farthest is not None and wanted > farthest:
        raise invalid(f"The test clock can be advanced to {farthest} at most: two billing intervals.", "frozen_time")
    clock.update(status="advancing", status_details={"advancing": {"target_frozen_time": wanted}})
    _move(call, clock, wanted)
    call.tx.tell(f"{KIND}.advancing", clock)
    return call.tx.put(clock)


def delete(call: Call) -> Wire:
    """Delete the clock with its customers; says test_helpers.test_clock.deleted. Time stays where it is."""
    clock = call.tx.need(KIND, call.names["clock"])
    for row in call.tx.newest_first("customer"):
        if row["test_clock"] == clock["id"]:
            delete_customer(call.tx, call.tx.need("customer", row["id"]))
    call.tx.tell(f"{KIND}.deleted", clock)
    return call.tx.delete(clock)


def due(clock: Wire) -> int | None:
    """When it has arrived."""
    return int(clock["status_details"]["advancing"]["target_frozen_time"]) if clock["status"] == "advancing" else None


def arrive(tx: Transaction, clock: Wire) -> None:
    """It is ready; says test_helpers.test_clock.ready."""
    clock.update(frozen_time=due(clock), status="ready", status_details={})
    tx.tell(f"{KIND}.ready", tx.put(clock))


def _move(call: Call, clock: Wire, wanted: int) -> None:
    if wanted > call.tx.now + FARTHEST:
        raise invalid(f"A clock goes ahead by at most {FARTHEST} seconds at once.", "frozen_time")
    call.tx.put({"id": clock["id"], "object": MOVED, "to": wanted})


def _farthest(tx: Transaction, clock: Wire) -> int | None:
    """Two intervals of the clock's shortest subscription from where it is; None without a subscription."""
    prices = [
        item["price"]["recurring"]
        for row in tx.newest_first("subscription")
        if row["test_clock"] == clock["id"]
        for item in row["items"]["data"]
    ]
    ends = [later(clock["frozen_time"], price["interval"], _INTERVALS * price["interval_count"]) for price in prices]
    return min(ends, default=None)
