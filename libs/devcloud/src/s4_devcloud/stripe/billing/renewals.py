"""The end of a period or of a trial: the next period begins, and its invoice is drafted."""

from s4_devcloud.stripe.billing import pending_items, reminders
from s4_devcloud.stripe.billing.collecting import attempt
from s4_devcloud.stripe.billing.cycle import advanced
from s4_devcloud.stripe.billing.endings import give_up, void
from s4_devcloud.stripe.billing.invoicing import draft, finalize
from s4_devcloud.stripe.billing.lines import item_period, period_line
from s4_devcloud.stripe.resources.invoice_shape import Bill
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire


def renew(tx: Transaction, subscription: Wire) -> None:
    """The next period of every item whose period is over; says invoice.created and customer.subscription.updated."""
    before = {name: subscription[name] for name in ("items", "latest_invoice", "status")}
    over = next(item for item in subscription["items"]["data"] if item["current_period_end"] <= tx.now)
    subscription["items"] = advanced(subscription, tx.now)
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    begun = [item for item in subscription["items"]["data"] if item["current_period_start"] >= tx.now]
    lines = [period_line(tx, item) for item in begun] + pending_items.lines(tx, subscription)
    advances = (subscription["pause_collection"] or {}).get("behavior") != "keep_as_draft"
    invoice = draft(tx, subscription, Bill(lines, "subscription_cycle", item_period(over)), advances=advances)
    pending_items.bind(tx, invoice)
    previous = {name: value for name, value in before.items() if subscription[name] != value}
    tx.tell("customer.subscription.updated", tx.put(subscription), previous)
    reminders.plan(tx, subscription)


def due(invoice: Wire) -> int | None:
    """When a draft is finalized, or an open invoice is tried again."""
    if not invoice["auto_advance"]:
        return None
    wanted = {"draft": "automatically_finalizes_at", "open": "next_payment_attempt"}.get(invoice["status"])
    moment: int | None = None if wanted is None else invoice[wanted]
    return moment


def advance(tx: Transaction, invoice: Wire) -> None:
    """Finalize a draft and collect it, or try again to collect."""
    if invoice["status"] == "draft":
        invoice = finalize(tx, invoice)
    if invoice["status"] != "open":
        return
    subscription = tx.need("subscription", invoice["parent"]["subscription_details"]["subscription"])
    match (subscription["pause_collection"] or {}).get("behavior"):
        case "void":
            void(tx, invoice)
        case "mark_uncollectible":
            give_up(tx, invoice)
        case _:
            attempt(tx, invoice)
