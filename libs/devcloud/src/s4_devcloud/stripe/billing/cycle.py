"""From one billing period to the next."""

from s4_devcloud.stripe.periods import boundary_after
from s4_devcloud.stripe.wire import Wire


def advanced(subscription: Wire, now: int) -> Wire:
    """The subscription's list of items, with the next period where the current one is over by `now`."""
    rows = [_advance(item, subscription["billing_cycle_anchor"], now) for item in subscription["items"]["data"]]
    return {**subscription["items"], "data": rows}


def _advance(item: Wire, anchor: int, now: int) -> Wire:
    if item["current_period_end"] > now:
        return item
    start, recurring = item["current_period_end"], item["price"]["recurring"]
    end = boundary_after(anchor, recurring["interval"], recurring["interval_count"], start)
    return {**item, "current_period_start": start, "current_period_end": end}


def next_end(subscription: Wire) -> int:
    """When the first of the items has been paid up to."""
    return min(int(item["current_period_end"]) for item in subscription["items"]["data"])
