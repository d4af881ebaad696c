"""Invoices that do not exist yet, made of the same lines as the ones to come."""

from dataclasses import replace

from s4_devcloud.stripe.billing import pending_items
from s4_devcloud.stripe.billing.cycle import advanced, next_end
from s4_devcloud.stripe.billing.invoicing import compose
from s4_devcloud.stripe.billing.lines import item_period, period_line
from s4_devcloud.stripe.resources.invoice_shape import Bill
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire, new_id


def upcoming(tx: Transaction, subscription: Wire, more: list[Wire] | None = None) -> Wire:
    """The next renewal's invoice as things are; `more` are lines that would be waiting by then."""
    end = next_end(subscription)
    over = next(item for item in subscription["items"]["data"] if item["current_period_end"] == end)
    items = advanced(subscription, end)["data"]
    lines = [period_line(tx, item) for item in items if item["current_period_start"] >= end]
    lines += pending_items.lines(tx, subscription) + (more or [])
    return preview(tx, subscription, Bill(lines, "upcoming", item_period(over)), end)


def preview(tx: Transaction, subscription: Wire, bill: Bill, created: int) -> Wire:
    """An invoice of these lines that is nowhere stored."""
    invoice = compose(tx, subscription, replace(bill, reason="upcoming"))
    invoice["id"] = new_id("upcoming_in")
    for line in invoice["lines"]["data"]:
        line["invoice"] = invoice["id"]
        line["id"] = new_id("il_tmp")
    invoice["lines"]["url"] = f"/v1/invoices/upcoming/lines?subscription={subscription['id']}"
    invoice["created"] = created
    return invoice
