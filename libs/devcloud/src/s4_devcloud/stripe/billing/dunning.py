"""What follows when an invoice could not be collected: more tries, and in the end no subscription.

The schedule is this stand-in's own. Stripe's depends on the account's settings: tries at chosen intervals or at times
that it thinks promising, and in the end the subscription is canceled, unpaid or left as it is. Here it is canceled.
"""

from s4_devcloud.stripe.billing.endings import end
from s4_devcloud.stripe.billing.pending_updates import is_awaited
from s4_devcloud.stripe.billing.settling import mark_delinquent
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire

_DAY = 24 * 3600
WAITS = (3 * _DAY, 5 * _DAY, 7 * _DAY)
"""Seconds from each failed try to the next: four tries within fifteen days."""


def failed(tx: Transaction, invoice: Wire, *, reschedule: bool) -> None:
    """Say invoice.payment_failed, and when the next try is. After the last one the subscription ends.

    The invoice stays open then and is not tried again; it can still be paid by hand.
    """
    subscription = tx.need("subscription", invoice["parent"]["subscription_details"]["subscription"])
    retried = invoice["auto_advance"] and subscription["status"] != "incomplete"
    if reschedule:
        left = WAITS[invoice["attempt_count"] - 1 :] if retried else ()
        invoice["next_payment_attempt"] = tx.now + left[0] if left else None
    tx.put(invoice)
    tx.tell("invoice.payment_failed", invoice)
    if subscription["latest_invoice"] == invoice["id"] and not is_awaited(tx, invoice):
        _distrust(tx, subscription)
    if reschedule and retried and invoice["next_payment_attempt"] is None:
        end(tx, tx.need("subscription", subscription["id"]), "payment_failed")


def _distrust(tx: Transaction, subscription: Wire) -> None:
    """A subscription whose latest invoice failed is past due, its customer delinquent."""
    if subscription["status"] in ("active", "trialing"):
        previous = {"status": subscription["status"]}
        subscription["status"] = "past_due"
        tx.tell("customer.subscription.updated", tx.put(subscription), previous)
        mark_delinquent(tx, subscription["customer"], delinquent=True)
