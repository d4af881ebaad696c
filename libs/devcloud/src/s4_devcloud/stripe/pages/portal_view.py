"""What the portal shows of a customer: plans, cards, invoices."""

from dataclasses import dataclass

from s4_devcloud.stripe.pages.render import day
from s4_devcloud.stripe.periods import end_of_period
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire, reference

_ENDED = ("canceled", "incomplete_expired")
_NO_LONGER_SHOWN = ("incomplete_expired",)


@dataclass(frozen=True)
class Plan:
    """One subscription, as its customer sees it."""

    subscription: Wire
    name: str
    price: Wire
    quantity: int
    standing: str
    card: Wire | None
    is_living: bool
    ends: int | None


@dataclass(frozen=True)
class Overview:
    """Everything on the portal's first page; of what the configuration hides, nothing."""

    customer: Wire
    plans: list[Plan]
    cards: list[Wire]
    default_card: str | None
    invoices: list[Wire]


def overview(tx: Transaction, customer_id: str, features: Wire) -> Overview:
    """What the customer has."""
    customer = tx.need("customer", customer_id)
    subscriptions = tx.newest_first("subscription", customer=customer_id)
    shown = [row for row in subscriptions if row["status"] not in _NO_LONGER_SHOWN]
    invoices = tx.newest_first("invoice", customer=customer_id)
    return Overview(
        customer=customer,
        plans=[plan_of(tx, row) for row in shown],
        cards=tx.newest_first("payment_method", customer=customer_id),
        default_card=_default_card(customer),
        invoices=[row for row in invoices if row["status"] != "draft"]
        if features["invoice_history"]["enabled"]
        else [],
    )


def plan_of(tx: Transaction, subscription: Wire) -> Plan:
    """The subscription with what it is called, where it stands, and the card that pays for it."""
    item = subscription["items"]["data"][0]
    product = tx.need("product", str(reference(item["price"]["product"])))
    customer = tx.need("customer", subscription["customer"])
    card = reference(subscription["default_payment_method"]) or _default_card(customer)
    return Plan(
        subscription=subscription,
        name=product["name"],
        price=item["price"],
        quantity=item["quantity"],
        standing=_standing(subscription),
        card=tx.get("payment_method", card) if card is not None else None,
        is_living=subscription["status"] not in _ENDED,
        ends=scheduled_end(subscription),
    )


def scheduled_end(subscription: Wire) -> int | None:
    """When the subscription ends, if somebody said that it shall."""
    if subscription["status"] in _ENDED:
        return None
    if subscription["cancel_at"] is None and subscription["cancel_at_period_end"]:
        return end_of_period(subscription)
    moment: int | None = subscription["cancel_at"]
    return moment


def _standing(subscription: Wire) -> str:
    end, until = scheduled_end(subscription), day(end_of_period(subscription))
    if end is not None:
        return f"Ends on {day(end)}. It does not renew."
    match subscription["status"]:
        case "active":
            return f"Renews on {until}."
        case "trialing":
            return f"Free until {until}, then it renews."
        case "past_due" | "unpaid":
            return "The last payment failed. Pay the open invoice with another card to keep the plan."
        case "canceled":
            return f"Ended on {day(subscription['ended_at'])}."
        case _:
            return "Not active."


def _default_card(customer: Wire) -> str | None:
    return reference(customer["invoice_settings"]["default_payment_method"])
