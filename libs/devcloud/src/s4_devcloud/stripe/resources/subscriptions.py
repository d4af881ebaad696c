"""/v1/subscriptions. They begin when a checkout is paid; services read, schedule an end, and cancel."""

from stripe.params import (
    SubscriptionCancelParams,
    SubscriptionListParams,
    SubscriptionRetrieveParams,
    SubscriptionUpdateParams,
)

from s4_devcloud.stripe.billing.endings import ENDED, end
from s4_devcloud.stripe.calls import ANY_LIST, Call, Route, merge_metadata, unset
from s4_devcloud.stripe.lists import page, same
from s4_devcloud.stripe.periods import end_of_period
from s4_devcloud.stripe.problems import invalid, no_such
from s4_devcloud.stripe.resources.subscription_shape import cancellation
from s4_devcloud.stripe.wire import Wire

_UPDATE = (
    "cancel_at",
    "cancel_at_period_end",
    "cancellation_details",
    "default_payment_method",
    "description",
    "metadata",
)


def routes() -> list[Route]:
    """Retrieve, list, update, cancel."""
    one = "/v1/subscriptions/{subscription}"
    listed = (*ANY_LIST, "customer", "price", "status")
    return [
        Route("GET", "/v1/subscriptions", SubscriptionListParams, everything, listed),
        Route("GET", one, SubscriptionRetrieveParams, retrieve),
        Route("POST", one, SubscriptionUpdateParams, update, _UPDATE),
        Route("DELETE", one, SubscriptionCancelParams, cancel, ("cancellation_details", "invoice_now", "prorate")),
    ]


def everything(call: Call) -> Wire:
    """Subscriptions; those that were canceled only when status says so."""
    return page(
        call,
        "subscription",
        "/v1/subscriptions",
        same(call, "customer"),
        lambda row: _has_status(row["status"], call.params.get("status")),
        lambda row: call.params.get("price") in (None, *(item["price"]["id"] for item in row["items"]["data"])),
    )


def _has_status(status: str, wanted: str | None) -> bool:
    match wanted:
        case None:
            return status != "canceled"
        case "all":
            return True
        case "ended":
            return status in ENDED
        case _:
            return status == wanted


def retrieve(call: Call) -> Wire:
    """One subscription."""
    return call.tx.need("subscription", call.names["subscription"])


def update(call: Call) -> Wire:
    """Change what was sent; says customer.subscription.updated."""
    subscription = _living(call)
    before = dict(subscription)
    _schedule_end(call, subscription)
    if "default_payment_method" in call.params:
        name = call.params["default_payment_method"]
        subscription["default_payment_method"] = call.tx.need("payment_method", name, "default_payment_method", 400)[
            "id"
        ]
    if "description" in call.params:
        subscription["description"] = unset(call.params["description"])
    if "metadata" in call.params:
        subscription["metadata"] = merge_metadata(subscription["metadata"], call.params["metadata"])
    previous = {field: value for field, value in before.items() if subscription[field] != value}
    call.tx.tell("customer.subscription.updated", subscription, previous)
    return call.tx.put(subscription)


def _schedule_end(call: Call, subscription: Wire) -> None:
    """Apply cancel_at or cancel_at_period_end; either is taken back by its empty value."""
    params = call.params
    if "cancel_at" in params and "cancel_at_period_end" in params:
        raise invalid("You may only specify one of these parameters: cancel_at, cancel_at_period_end.", "cancel_at")
    if "cancel_at_period_end" in params:
        subscription["cancel_at_period_end"] = params["cancel_at_period_end"]
        subscription["cancel_at"] = end_of_period(subscription) if params["cancel_at_period_end"] else None
    elif "cancel_at" in params:
        subscription["cancel_at_period_end"] = False
        subscription["cancel_at"] = _moment(call, subscription, params["cancel_at"])
    else:
        return
    scheduled = subscription["cancel_at"] is not None
    subscription["canceled_at"] = call.tx.now if scheduled else None
    details = params.get("cancellation_details")
    subscription["cancellation_details"] = cancellation("cancellation_requested" if scheduled else None, details)


def _moment(call: Call, subscription: Wire, wanted: str | int) -> int | None:
    match wanted:
        case "":
            return None
        case "min_period_end" | "max_period_end":
            return end_of_period(subscription)
        case int() if wanted > call.tx.now:
            return wanted
        case _:
            raise invalid("cancel_at must be a timestamp in the future.", "cancel_at")


def cancel(call: Call) -> Wire:
    """End it now; says customer.subscription.deleted. What has ended cannot be canceled again."""
    return end(call.tx, _living(call), "cancellation_requested", call.params.get("cancellation_details"))


def _living(call: Call) -> Wire:
    subscription = call.tx.need("subscription", call.names["subscription"])
    if subscription["status"] in ENDED:
        raise no_such("subscription", subscription["id"], "id")
    return subscription
