"""/v1/subscriptions. Most begin when a checkout is paid; services read, change, schedule an end, and cancel."""

from stripe.params import (
    SubscriptionCancelParams,
    SubscriptionListParams,
    SubscriptionRetrieveParams,
)

from s4_devcloud.stripe.billing import pending_items
from s4_devcloud.stripe.billing.endings import ENDED, drop_pending, end
from s4_devcloud.stripe.billing.plan_changes import Planned, invoice_now
from s4_devcloud.stripe.billing.prorations import credit
from s4_devcloud.stripe.calls import ANY_LIST, Call, Route
from s4_devcloud.stripe.lists import page, same
from s4_devcloud.stripe.resources import subscription_create, subscription_update
from s4_devcloud.stripe.resources.subscription_update import living
from s4_devcloud.stripe.wire import Wire


def routes() -> list[Route]:
    """Create, retrieve, list, update, cancel."""
    one = "/v1/subscriptions/{subscription}"
    listed = (*ANY_LIST, "customer", "price", "status")
    return [
        Route("GET", "/v1/subscriptions", SubscriptionListParams, everything, listed),
        Route("GET", one, SubscriptionRetrieveParams, retrieve),
        *subscription_create.routes(),
        *subscription_update.routes(),
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


def cancel(call: Call) -> Wire:
    """End it now; says customer.subscription.deleted. What has ended cannot be canceled again.

    `prorate` gives back what is left of the period: at once with `invoice_now`, else with the customer's next invoice.
    """
    subscription = living(call)
    drop_pending(call.tx, subscription)
    lines = []
    if call.params.get("prorate") and subscription["status"] in ("active", "past_due"):
        lines = [credit(call.tx, item, call.tx.now) for item in subscription["items"]["data"]]
    if call.params.get("invoice_now"):
        planned = Planned({}, lines, invoiced_now=True)
        if lines or pending_items.lines(call.tx, subscription):
            invoice_now(call.tx, subscription, planned, off_session=True)
            subscription = call.tx.need("subscription", subscription["id"])
        lines = []
    ended = end(call.tx, subscription, "cancellation_requested", call.params.get("cancellation_details"))
    for line in lines:
        pending_items.add(call.tx, ended["customer"], line)
    return ended
