"""What time does to a subscription: it renews, ends, or never begins."""

from s4_devcloud.stripe.billing.cycle import next_end
from s4_devcloud.stripe.billing.endings import ENDED, drop_pending, end, expire
from s4_devcloud.stripe.billing.renewals import renew
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire

_PAYABLE_SECONDS = 23 * 3600  # Stripe's time to pay the first invoice


def due(subscription: Wire) -> int | None:
    """The next moment at which time changes it."""
    if subscription["status"] in ENDED:
        return None
    if subscription["status"] == "incomplete":
        return int(subscription["created"]) + _PAYABLE_SECONDS
    update, pause = subscription["pending_update"] or {}, subscription["pause_collection"] or {}
    moments = [subscription["cancel_at"], update.get("expires_at"), pause.get("resumes_at"), next_end(subscription)]
    return min(int(moment) for moment in moments if moment is not None)


def act(tx: Transaction, subscription: Wire) -> None:
    """What is due, one thing at a time; at the same moment an end comes before a renewal."""
    if subscription["status"] == "incomplete":
        expire(tx, subscription)
    elif subscription["cancel_at"] is not None and subscription["cancel_at"] <= tx.now:
        end(tx, subscription, "cancellation_requested", subscription["cancellation_details"])
    elif _is_over(tx, subscription["pending_update"], "expires_at"):
        drop_pending(tx, subscription)
        changed = tx.need("subscription", subscription["id"])
        tx.tell("customer.subscription.pending_update_expired", changed)
    elif _is_over(tx, subscription["pause_collection"], "resumes_at"):
        previous = {"pause_collection": subscription["pause_collection"]}
        tx.tell("customer.subscription.updated", tx.put({**subscription, "pause_collection": None}), previous)
    else:
        renew(tx, subscription)


def _is_over(tx: Transaction, thing: Wire | None, field: str) -> bool:
    return thing is not None and thing[field] is not None and thing[field] <= tx.now
