"""What follows when an invoice is paid."""

from s4_devcloud.stripe.billing import pending_updates
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire


def settle(tx: Transaction, invoice: Wire, payment: Wire | None) -> Wire:
    """The invoice paid, by the payment if one was needed; says invoice.paid. Its subscription is in good standing."""
    invoice.update(
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        attempted=True,
        auto_advance=False,
        next_payment_attempt=None,
        status="paid",
        status_transitions={**invoice["status_transitions"], "paid_at": tx.now},
    )
    tx.put(invoice)
    tx.tell("invoice.paid", invoice)
    tx.tell("invoice.payment_succeeded", invoice)
    if payment is not None:
        transitions = {**payment["status_transitions"], "paid_at": tx.now}
        payment.update(amount_paid=invoice["amount_due"], status="paid", status_transitions=transitions)
        tx.tell("invoice_payment.paid", tx.put(payment))
    _trust_again(tx, invoice)
    return invoice


def _trust_again(tx: Transaction, invoice: Wire) -> None:
    """A subscription whose latest invoice is paid is active, changed as it was to be, its customer not delinquent."""
    subscription = tx.get("subscription", invoice["parent"]["subscription_details"]["subscription"])
    if subscription is None or subscription["latest_invoice"] != invoice["id"]:
        return
    if subscription["status"] in ("past_due", "incomplete", "unpaid"):
        previous = {"status": subscription["status"]}
        subscription["status"] = "active"
        tx.tell("customer.subscription.updated", tx.put(subscription), previous)
    pending_updates.apply(tx, subscription, invoice)
    mark_delinquent(tx, subscription["customer"], delinquent=False)


def mark_delinquent(tx: Transaction, name: str, *, delinquent: bool) -> None:
    """Whether the customer's latest invoice could not be collected; says customer.updated when that changes."""
    customer = tx.need("customer", name)
    if customer["delinquent"] != delinquent:
        tx.tell("customer.updated", tx.put({**customer, "delinquent": delinquent}), {"delinquent": not delinquent})
