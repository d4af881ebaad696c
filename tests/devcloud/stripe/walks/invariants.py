"""What is true of a stand-in at every moment, whatever was done to it."""

from collections.abc import Iterator

from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire
from s4_devcloud.stripe.world import World

_ENDED = ("canceled", "incomplete_expired")
_FAILED = ("failed", "canceled")
_TOLD = {
    "subscription": ("status", "cancel_at", "cancel_at_period_end", "ended_at", "latest_invoice", "pause_collection"),
    "invoice": ("status", "amount_due", "amount_paid", "amount_remaining", "attempt_count", "next_payment_attempt"),
    "charge": ("status", "amount_refunded", "refunded"),
    "refund": ("status", "amount"),
    "dispute": ("status", "amount"),
}
"""Whoever only listens to webhooks must know these."""


def broken(world: World) -> list[str]:
    """Every rule that does not hold."""
    with world.transaction() as tx:
        return [
            *(f"subscription {row['id']}: {what}" for row in tx.newest_first("subscription") for what in _sub(tx, row)),
            *(f"invoice {row['id']}: {what}" for row in tx.newest_first("invoice") for what in _invoice(tx, row)),
            *(f"charge {row['id']}: {what}" for row in tx.newest_first("charge") for what in _charge(tx, row)),
            *_events(tx),
            *_untold(tx),
        ]


def _sub(tx: Transaction, row: Wire) -> Iterator[str]:
    ended = row["status"] in _ENDED
    if ended != (row["ended_at"] is not None):
        yield f"{row['status']}, but ended at {row['ended_at']}"
    latest = tx.get("invoice", row["latest_invoice"] or "")
    if latest is None or latest["parent"]["subscription_details"]["subscription"] != row["id"]:
        yield f"its latest invoice {row['latest_invoice']} is not its own"
    card = row["default_payment_method"]
    if card is not None and tx.need("payment_method", card)["customer"] != row["customer"] and not ended:
        yield f"its card {card} belongs to another customer"
    for item in row["items"]["data"]:
        if item["current_period_end"] <= item["current_period_start"]:
            yield "a period ends before it begins"
        if not ended and row["status"] != "incomplete" and item["current_period_end"] <= tx.now:
            yield f"{row['status']}, but its period ended {tx.now - item['current_period_end']} s ago"
    if not ended and row["cancel_at"] is not None and row["cancel_at"] <= tx.now:
        yield "its end has come and it goes on"
    if not ended and tx.get("customer", row["customer"]) is None:
        yield "its customer does not exist"
    if row["status"] == "trialing" and (row["trial_end"] or 0) <= tx.now:
        yield "its trial is over and it is trialing"


def _invoice(tx: Transaction, row: Wire) -> Iterator[str]:
    if row["total"] != sum(line["amount"] for line in row["lines"]["data"]) + sum(
        t["amount"] for t in row["total_taxes"]
    ):
        yield "its total is not the sum of its lines and taxes"
    if row["amount_due"] < 0 or row["amount_remaining"] < 0:
        yield "less than nothing is due"
    if row["status"] == "paid" and row["amount_remaining"] != 0:
        yield f"paid, but {row['amount_remaining']} remain"
    if row["status"] == "open" and row["auto_advance"] and (row["next_payment_attempt"] or tx.now + 1) <= tx.now:
        yield "the time of the next try has passed"
    if row["status"] == "draft" and row["auto_advance"] and (row["automatically_finalizes_at"] or 0) <= tx.now:
        yield "a draft whose time has passed"
    if row["status"] != "draft" and row["number"] is None:
        yield f"{row['status']} without a number"
    payments = [payment for payment in tx.newest_first("invoice_payment") if payment["invoice"] == row["id"]]
    paid = sum(payment["amount_paid"] or 0 for payment in payments)
    if paid != row["amount_paid"]:
        yield f"paid {row['amount_paid']}, and its payments {paid}"
    if sum(payment["status"] == "paid" for payment in payments) > 1:
        yield "paid twice"


def _charge(tx: Transaction, row: Wire) -> Iterator[str]:
    refunds = [refund for refund in tx.newest_first("refund") if refund["charge"] == row["id"]]
    back = sum(refund["amount"] for refund in refunds if refund["status"] not in _FAILED)
    if back != row["amount_refunded"]:
        yield f"refunded {row['amount_refunded']}, and its refunds {back}"
    if not 0 <= row["amount_refunded"] <= row["amount"]:
        yield f"refunded {row['amount_refunded']} of {row['amount']}"
    if row["refunded"] != (row["amount_refunded"] == row["amount"]):
        yield "refunded or not"
    intent = tx.need("payment_intent", row["payment_intent"])
    if row["status"] == "succeeded" and (intent["status"], intent["latest_charge"]) != ("succeeded", row["id"]):
        yield "succeeded, and its intent did not"


def _events(tx: Transaction) -> Iterator[str]:
    before = tx.now
    for row in tx.newest_first("event"):
        if row["created"] > before:
            yield f"event {row['id']} ({row['type']}) tells of a later time than the one after it"
        before = row["created"]


def _untold(tx: Transaction) -> Iterator[str]:
    """Objects that are not as the last event about them says."""
    told: dict[str, Wire] = {}
    for event in tx.newest_first("event"):
        thing = event["data"]["object"]
        told.setdefault(str(thing["id"]), thing)
    for kind, fields in _TOLD.items():
        for row in tx.newest_first(kind):
            last = told.get(row["id"], {})
            for field in fields:
                if row[field] != last.get(field):
                    yield f"{kind} {row['id']}: {field} is {row[field]!r}, last told {last.get(field)!r}"
