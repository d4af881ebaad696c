"""POST /v1/subscriptions: a subscription without a checkout page, for a customer who has a card."""

from stripe.params import SubscriptionCreateParams

from s4_devcloud.stripe.billing import reminders
from s4_devcloud.stripe.billing.beginning import begin, start
from s4_devcloud.stripe.billing.changing import card_problem
from s4_devcloud.stripe.billing.collecting import attempt, default_card, own_card
from s4_devcloud.stripe.billing.invoicing import finalize
from s4_devcloud.stripe.billing.item_changes import usable_price
from s4_devcloud.stripe.billing.trials import trial_end
from s4_devcloud.stripe.calls import Call, Route, merge_metadata
from s4_devcloud.stripe.problems import NotImplementedHere, invalid, missing
from s4_devcloud.stripe.resources.subscription_shape import Wanted
from s4_devcloud.stripe.wire import Wire

_CREATE = (
    *("automatic_tax.enabled", "billing_mode", "customer", "default_payment_method", "description", "items"),
    *("metadata", "off_session", "payment_behavior", "trial_end", "trial_period_days"),
)


def routes() -> list[Route]:
    """Create."""
    return [Route("POST", "/v1/subscriptions", SubscriptionCreateParams, create, _CREATE)]


def create(call: Call) -> Wire:
    """A subscription, incomplete until its first invoice is paid; says customer.subscription.created."""
    wanted = _wanted(call)
    if wanted.trial_end is not None:
        return begin(call.tx, wanted, None)
    behavior = call.params.get("payment_behavior", "allow_incomplete")
    subscription, invoice = start(call.tx, wanted, "incomplete")
    if behavior != "default_incomplete" and invoice["amount_due"] > 0 and default_card(call.tx, invoice) is None:
        raise invalid(
            "This customer has no attached payment source or default payment method. Please consider adding a "
            "default payment method.",
            code="resource_missing",
        )
    invoice = finalize(call.tx, invoice)
    if invoice["status"] == "open" and behavior != "default_incomplete":
        tried = attempt(call.tx, invoice, off_session=call.params.get("off_session", False))
        if tried.result != "paid" and behavior == "error_if_incomplete":
            raise card_problem(tried)
    subscription = call.tx.need("subscription", subscription["id"])
    reminders.plan(call.tx, subscription)
    return subscription


def _wanted(call: Call) -> Wanted:
    params = call.params
    if "customer" not in params:
        raise missing("customer")
    customer = call.tx.need("customer", params["customer"], "customer", 400)
    if params.get("billing_mode", {}).get("type", "flexible") != "flexible":
        raise NotImplementedHere("billing_mode classic", "billing_mode[type]")
    if params.get("payment_behavior") == "pending_if_incomplete":
        raise invalid("`pending_if_incomplete` is for updates of a subscription.", "payment_behavior")
    method = params.get("default_payment_method")
    lines = _lines(call)
    return Wanted(
        customer=customer["id"],
        currency=lines[0]["price"]["currency"],
        lines=lines,
        method=None if method is None else own_card(call.tx, method, customer["id"])["id"],
        automatic_tax=params.get("automatic_tax", {}).get("enabled", False),
        description=params.get("description") or None,
        metadata=merge_metadata({}, params.get("metadata", {})),
        trial_end=trial_end(params, call.tx.now, shortest=1),
    )


def _lines(call: Call) -> list[Wire]:
    """The items wanted. Raises Problem unless each is a price of one currency, none twice."""
    lines = []
    for index, item in enumerate(call.params.get("items", [])):
        place = f"items[{index}]"
        for name in item:
            if name not in ("price", "quantity"):
                raise NotImplementedHere(f"{place}[{name}]", f"{place}[{name}]")
        if "price" not in item:
            raise missing(f"{place}[price]")
        price = usable_price(call.tx, item["price"], f"{place}[price]")
        quantity = item.get("quantity", 1)
        if quantity < 1:
            raise NotImplementedHere(f"{place}[quantity] below 1", f"{place}[quantity]")
        lines.append({"price": price, "quantity": quantity})
    if not lines:
        raise missing("items")
    if len({line["price"]["currency"] for line in lines}) > 1:
        raise invalid("All prices of a subscription must be in one currency.", "items")
    if len({line["price"]["id"] for line in lines}) < len(lines):
        raise invalid("Cannot add multiple subscription items with the same price.", "items")
    return lines
