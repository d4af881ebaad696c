"""How a subscription begins."""

from s4_devcloud.stripe.billing import reminders
from s4_devcloud.stripe.billing.invoicing import COLLECTION, draft, finalize
from s4_devcloud.stripe.billing.lines import period_line, trial_line
from s4_devcloud.stripe.billing.settling import settle
from s4_devcloud.stripe.resources.invoice_shape import Bill
from s4_devcloud.stripe.resources.subscription_shape import Wanted, new_subscription
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire


def begin(tx: Transaction, wanted: Wanted, intent: Wire | None) -> Wire:
    """The subscription with its paid first invoice; `intent` has brought the money, None if nothing was due.

    Says customer.subscription.created, and of the invoice all that an invoice says.
    """
    subscription, invoice = start(tx, wanted, "trialing" if wanted.trial_end is not None else "active")
    invoice = finalize(tx, invoice, intent)
    if invoice["status"] == "open":
        payment = tx.need("invoice_payment", tx.need(COLLECTION, invoice["id"])["payment"])
        settle(tx, {**invoice, "attempt_count": 1}, payment)
    reminders.plan(tx, subscription)
    return subscription


def start(tx: Transaction, wanted: Wanted, status: str) -> tuple[Wire, Wire]:
    """The subscription and the draft of its first invoice."""
    clock = tx.need("customer", wanted.customer)["test_clock"]
    subscription = new_subscription(wanted, tx.now) | {"status": status, "test_clock": clock}
    line = period_line if wanted.trial_end is None else trial_line
    lines = [line(tx, item) for item in subscription["items"]["data"]]
    invoice = draft(tx, subscription, Bill(lines, "subscription_create", {"start": tx.now, "end": tx.now}))
    tx.tell("customer.subscription.created", tx.put(subscription))
    return subscription, invoice
