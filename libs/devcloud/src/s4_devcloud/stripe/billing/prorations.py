"""What a change in the middle of a period costs: a credit for the rest of the old, a charge for the rest of the new.

Each amount is the price times the seconds left, divided by the seconds of the period, rounded to whole minor units with
a half away from zero. Stripe counts by the second too; how it rounds is not published.
"""

from s4_devcloud.stripe.billing.lines import remaining_line, unused_line
from s4_devcloud.stripe.billing.rounding import share
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire


def credit(tx: Transaction, item: Wire, since: int) -> Wire:
    """The line that gives back what is left of the item's period."""
    return unused_line(tx, item, _left(item, item, since), since, _charged_by(tx, item))


def charge(tx: Transaction, item: Wire, since: int) -> Wire:
    """The line that charges what is left of the item's period."""
    return remaining_line(tx, item, _left(item, item, since), since)


def _left(item: Wire, period: Wire, since: int) -> int:
    start, end = period["current_period_start"], period["current_period_end"]
    return share(item["price"]["unit_amount"] * item["quantity"], end - since, end - start)


def _charged_by(tx: Transaction, item: Wire) -> Wire | None:
    """The invoice line that had charged the period."""
    customer = tx.need("subscription", item["subscription"])["customer"]
    for invoice in tx.newest_first("invoice", customer=customer):
        for line in invoice["lines"]["data"]:
            of_item = line["parent"]["subscription_item_details"]["subscription_item"] == item["id"]
            if of_item and line["amount"] >= 0 and line["period"]["end"] == item["current_period_end"]:
                return {"invoice": invoice["id"], "invoice_line_items": [line["id"]]}
    return None
