"""Changes that wait for their payment: payment_behavior=pending_if_incomplete."""

from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire

KIND = "_pending_update"  # the kind of what is applied once an invoice is paid, by the invoice
_LIFE_SECONDS = 23 * 3600  # Stripe's


def await_payment(tx: Transaction, invoice: Wire, fields: Wire) -> None:
    """The fields become the subscription's as soon as the invoice is paid."""
    subscription = invoice["parent"]["subscription_details"]["subscription"]
    tx.put({"id": invoice["id"], "object": KIND, "fields": fields, "subscription": subscription})


def is_awaited(tx: Transaction, invoice: Wire) -> bool:
    """Whether a change waits for this invoice."""
    row = tx.get(KIND, invoice["id"])
    return row is not None and row["fields"] is not None


def awaited_by(tx: Transaction, subscription: Wire) -> str | None:
    """The invoice that the subscription's pending change waits for."""
    for row in tx.newest_first(KIND):
        if row["subscription"] == subscription["id"] and row["fields"] is not None:
            return str(row["id"])
    return None


def show(subscription: Wire, fields: Wire, now: int) -> None:
    """The subscription says what is pending, and until when."""
    ends = [item["current_period_end"] for item in subscription["items"]["data"]]
    subscription["pending_update"] = {
        "billing_cycle_anchor": fields.get("billing_cycle_anchor"),
        "discount": None,
        "discounts": None,
        "expires_at": min(now + _LIFE_SECONDS, *ends),
        "metadata": None,
        "subscription_items": fields["items"]["data"],
        "trial_end": fields.get("trial_end"),
        "trial_from_plan": None,
    }


def apply(tx: Transaction, subscription: Wire, invoice: Wire) -> None:
    """The invoice is paid, so what waited for it becomes true; says customer.subscription.updated."""
    fields = _take(tx, invoice)
    if fields is None:
        return
    was_shown = subscription["pending_update"] is not None
    changed = {**fields, "pending_update": None}
    previous = {name: subscription[name] for name, value in changed.items() if subscription[name] != value}
    subscription.update(changed)
    tx.put(subscription)
    if was_shown:
        tx.tell("customer.subscription.pending_update_applied", subscription)
    tx.tell("customer.subscription.updated", subscription, previous)


def give_up(tx: Transaction, subscription: Wire, invoice: Wire) -> None:
    """The invoice will not be paid: what waited for it is forgotten."""
    if _take(tx, invoice) is not None and subscription["pending_update"] is not None:
        previous = {"pending_update": subscription["pending_update"]}
        subscription["pending_update"] = None
        tx.tell("customer.subscription.updated", tx.put(subscription), previous)


def _take(tx: Transaction, invoice: Wire) -> Wire | None:
    row = tx.get(KIND, invoice["id"])
    if row is None:
        return None
    fields: Wire | None = row["fields"]
    tx.put({**row, "fields": None})
    return fields
