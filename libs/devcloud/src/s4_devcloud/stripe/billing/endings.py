"""How a subscription ends."""

from s4_devcloud.stripe.billing import pending_items, pending_updates
from s4_devcloud.stripe.billing.invoicing import COLLECTION
from s4_devcloud.stripe.billing.settling import mark_delinquent
from s4_devcloud.stripe.resources.payment_intents import cancel_intent
from s4_devcloud.stripe.resources.subscription_shape import cancellation
from s4_devcloud.stripe.store import Transaction, is_deleted
from s4_devcloud.stripe.wire import Wire

ENDED = ("canceled", "incomplete_expired")


def end(tx: Transaction, subscription: Wire, reason: str, details: Wire | None = None) -> Wire:
    """The subscription after its end; says customer.subscription.deleted. What is owed is no longer collected."""
    drop_pending(tx, subscription)
    subscription.update(
        status="canceled",
        canceled_at=subscription["canceled_at"] or tx.now,
        ended_at=tx.now,
        cancellation_details=cancellation(reason, details),
    )
    tx.put(subscription)
    pending_items.drop(tx, subscription)
    _stop_collecting(tx, subscription)
    tx.tell("customer.subscription.deleted", subscription)
    return subscription


def drop_pending(tx: Transaction, subscription: Wire) -> None:
    """A change that waits for its payment waits no more: its invoice is void."""
    name = pending_updates.awaited_by(tx, subscription)
    if name is not None:
        void(tx, tx.need("invoice", name))
        subscription["status"] = tx.need("subscription", subscription["id"])["status"]
    subscription["pending_update"] = None


def _stop_collecting(tx: Transaction, subscription: Wire) -> None:
    """No invoice of it advances by itself any more; each says invoice.updated."""
    for row in tx.newest_first("invoice", customer=subscription["customer"]):
        mine = row["parent"]["subscription_details"]["subscription"] == subscription["id"]
        if mine and row["auto_advance"]:
            never = {"auto_advance": False, "automatically_finalizes_at": None, "next_payment_attempt": None}
            invoice = tx.need("invoice", row["id"])
            previous = {name: invoice[name] for name, value in never.items() if invoice[name] != value}
            invoice.update(never)
            tx.tell("invoice.updated", tx.put(invoice), previous)


def expire(tx: Transaction, subscription: Wire) -> None:
    """The first invoice was not paid in time: it is void, and the subscription never began."""
    invoice = tx.need("invoice", subscription["latest_invoice"])
    if invoice["status"] == "open":
        void(tx, invoice)
    subscription.update(status="incomplete_expired", ended_at=tx.now)
    tx.tell("customer.subscription.updated", tx.put(subscription), {"status": "incomplete"})


def void(tx: Transaction, invoice: Wire) -> Wire:
    """Nobody owes the invoice; says invoice.voided."""
    invoice.update(
        auto_advance=False,
        next_payment_attempt=None,
        status="void",
        status_transitions={**invoice["status_transitions"], "voided_at": tx.now},
    )
    collection = tx.get(COLLECTION, invoice["id"])
    if collection is not None:
        cancel_intent(tx, tx.need("payment_intent", collection["intent"]), "void_invoice")
        payment = tx.need("invoice_payment", collection["payment"])
        transitions = {**payment["status_transitions"], "canceled_at": tx.now}
        tx.put({**payment, "status": "canceled", "status_transitions": transitions})
    tx.tell("invoice.voided", tx.put(invoice))
    _return_balance(tx, invoice)
    forgive(tx, invoice)
    return invoice


def _return_balance(tx: Transaction, invoice: Wire) -> None:
    """What the invoice had used of the customer's balance is there again; says customer.updated."""
    used = invoice["ending_balance"] - invoice["starting_balance"]
    customer = tx.get("customer", invoice["customer"])
    if used != 0 and customer is not None and not is_deleted(customer):
        before = {"balance": customer["balance"]}
        tx.tell("customer.updated", tx.put({**customer, "balance": customer["balance"] - used}), before)


def give_up(tx: Transaction, invoice: Wire) -> Wire:
    """Nobody expects the invoice to be paid, though it can be; says invoice.marked_uncollectible."""
    transitions = {**invoice["status_transitions"], "marked_uncollectible_at": tx.now}
    invoice.update(
        auto_advance=False, next_payment_attempt=None, status="uncollectible", status_transitions=transitions
    )
    tx.tell("invoice.marked_uncollectible", tx.put(invoice))
    forgive(tx, invoice)
    return invoice


def forgive(tx: Transaction, invoice: Wire) -> None:
    """The subscription no longer waits for the invoice: it is active, and a change that waited is forgotten."""
    subscription = tx.get("subscription", invoice["parent"]["subscription_details"]["subscription"])
    if subscription is None:
        return
    pending_updates.give_up(tx, subscription, invoice)
    if subscription["latest_invoice"] == invoice["id"] and subscription["status"] == "past_due":
        subscription["status"] = "active"
        tx.tell("customer.subscription.updated", tx.put(subscription), {"status": "past_due"})
        mark_delinquent(tx, subscription["customer"], delinquent=False)
