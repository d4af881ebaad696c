"""What Stripe says ahead of time: that a trial ends soon, that an invoice comes soon."""

from s4_devcloud.stripe.billing.previews import upcoming
from s4_devcloud.stripe.periods import end_of_period
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire

AHEAD_SECONDS = 3 * 24 * 3600  # Stripe's for the end of a trial; for an invoice its accounts choose, this is our choice
KIND = "_reminder"  # what is still to be said of a subscription, by its name


def plan(tx: Transaction, subscription: Wire) -> None:
    """Both reminders stand for the present period. The end of a trial shorter than the notice is announced at once."""
    row: Wire = {"id": subscription["id"], "object": KIND, "trial_will_end": None, "upcoming": None}
    before_end = end_of_period(subscription) - AHEAD_SECONDS
    if subscription["status"] == "trialing":
        row["trial_will_end"] = before_end
        if before_end <= tx.now:
            row["trial_will_end"] = None
            tx.tell("customer.subscription.trial_will_end", subscription)
    if before_end > tx.now:
        row["upcoming"] = before_end
    tx.put(row)


def due(row: Wire) -> int | None:
    """The earlier of the two."""
    return min((row[name] for name in ("trial_will_end", "upcoming") if row[name] is not None), default=None)


def remind(tx: Transaction, row: Wire) -> None:
    """Say what is due, if the subscription goes on: customer.subscription.trial_will_end, invoice.upcoming."""
    subscription = tx.need("subscription", row["id"])
    trial = row["trial_will_end"] is not None and row["trial_will_end"] <= tx.now
    invoice = row["upcoming"] is not None and row["upcoming"] <= tx.now
    row.update(trial_will_end=None if trial else row["trial_will_end"], upcoming=None if invoice else row["upcoming"])
    tx.put(row)
    if trial and subscription["status"] == "trialing":
        tx.tell("customer.subscription.trial_will_end", subscription)
    if invoice and subscription["status"] in ("active", "trialing", "past_due"):
        end = subscription["cancel_at"]
        if end is None or end > end_of_period(subscription):
            tx.tell("invoice.upcoming", upcoming(tx, subscription))
