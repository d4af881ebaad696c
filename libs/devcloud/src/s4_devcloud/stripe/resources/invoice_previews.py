"""POST /v1/invoices/create_preview: what the next invoice would be, as things are or after a change."""

from stripe.params import InvoiceCreatePreviewParams

from s4_devcloud.stripe.billing.plan_changes import Asked, bill, plan
from s4_devcloud.stripe.billing.previews import preview, upcoming
from s4_devcloud.stripe.calls import Call, Route
from s4_devcloud.stripe.periods import end_of_period
from s4_devcloud.stripe.problems import NotImplementedHere, Problem, invalid
from s4_devcloud.stripe.resources.subscription_update import check_living
from s4_devcloud.stripe.wire import Wire

_CHANGE = ("items", "billing_cycle_anchor", "trial_end")
_DETAILS = (*_CHANGE, "proration_behavior", "proration_date")


def routes() -> list[Route]:
    """Create a preview."""
    supported = ("customer", "preview_mode", "subscription", *(f"subscription_details.{name}" for name in _DETAILS))
    return [Route("POST", "/v1/invoices/create_preview", InvoiceCreatePreviewParams, create_preview, supported)]


def create_preview(call: Call) -> Wire:
    """An invoice that is nowhere stored. A change that would be invoiced at once is shown by itself."""
    subscription = _subscription(call)
    details = call.params.get("subscription_details", {})
    if not any(name in details for name in _CHANGE):
        return _renewal(call, subscription)
    if details.get("trial_end", "now") != "now":
        raise NotImplementedHere("a trial_end other than `now`", "subscription_details[trial_end]")
    asked = Asked(
        items=details.get("items", []),
        proration_behavior=details.get("proration_behavior", "create_prorations"),
        proration_date=details.get("proration_date"),
        anchor_now=_restarts(details),
        end_trial="trial_end" in details,
    )
    planned = plan(call.tx, subscription, asked)
    changed = {**subscription, **planned.fields}
    if planned.invoiced_now and planned.lines:
        return preview(call.tx, changed, bill(call.tx, changed, planned), call.tx.now)
    return upcoming(call.tx, changed, planned.lines)


def _subscription(call: Call) -> Wire:
    if "subscription" not in call.params:
        raise NotImplementedHere("a preview without a subscription", "subscription")
    if call.params.get("preview_mode", "next") != "next":
        raise NotImplementedHere("preview_mode=recurring", "preview_mode")
    subscription = call.tx.need("subscription", call.params["subscription"], "subscription", 400)
    if call.params.get("customer", subscription["customer"]) != subscription["customer"]:
        raise invalid("The subscription does not belong to the customer.", "customer")
    check_living(subscription)
    return subscription


def _restarts(details: Wire) -> bool:
    anchor = details.get("billing_cycle_anchor", {"type": "unchanged"})
    if anchor["type"] == "timestamp":
        raise NotImplementedHere("a billing_cycle_anchor at a time", "subscription_details[billing_cycle_anchor]")
    return bool(anchor["type"] == "now")


def _renewal(call: Call, subscription: Wire) -> Wire:
    end = subscription["cancel_at"]
    if end is not None and end <= end_of_period(subscription):
        message = f"No upcoming invoices for customer: '{subscription['customer']}'"
        raise Problem(404, message, code="invoice_upcoming_none")
    return upcoming(call.tx, subscription)
