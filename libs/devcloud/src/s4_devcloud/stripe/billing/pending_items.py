"""Invoice items that wait for the subscription's next invoice: prorations that were not invoiced at once."""

from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire, new_id

_LINE = "_pending_line"  # the kind of the invoice line that an invoice item will be, by the item's name


def add(tx: Transaction, customer: str, line: Wire) -> None:
    """The line waits; says invoiceitem.created."""
    details = line["parent"]["subscription_item_details"]
    item: Wire = {
        "id": new_id("ii"),
        "object": "invoiceitem",
        "amount": line["amount"],
        "currency": line["currency"],
        "customer": customer,
        "customer_account": None,
        "date": tx.now,
        "description": line["description"],
        "discountable": False,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "net_amount": line["amount"],
        "parent": {
            "subscription_details": {
                "subscription": details["subscription"],
                "subscription_item": details["subscription_item"],
            },
            "type": "subscription_details",
        },
        "period": line["period"],
        "pricing": line["pricing"],
        "proration": True,
        "proration_details": {
            "credited_items": _credited(details["proration_details"]["credited_items"]),
            "discount_amounts": [],
        },
        "quantity": line["quantity"],
        "quantity_decimal": str(line["quantity"]),
        "tax_rates": [],
        "test_clock": None,
    }
    details["invoice_item"] = item["id"]
    tx.put({"id": item["id"], "object": _LINE, "line": line, "subscription": details["subscription"], "used": False})
    tx.tell("invoiceitem.created", tx.put(item))


def _credited(items: Wire | None) -> Wire | None:
    return None if items is None else {"type": "invoice_line_items", "invoice_line_item_details": items}


def lines(tx: Transaction, subscription: Wire) -> list[Wire]:
    """Copies of the lines that wait, the oldest first."""
    rows = [row for row in tx.newest_first(_LINE) if row["subscription"] == subscription["id"] and not row["used"]]
    found = [tx.need(_LINE, row["id"])["line"] for row in reversed(rows)]
    return [{**line, "id": new_id("il")} for line in found]


def bind(tx: Transaction, invoice: Wire) -> None:
    """The waiting lines that are on the invoice wait no more."""
    for line in invoice["lines"]["data"]:
        name = line["parent"]["subscription_item_details"]["invoice_item"]
        row = None if name is None else tx.get(_LINE, name)
        if row is not None:
            tx.put({**row, "used": True})
            tx.put({**tx.need("invoiceitem", name), "invoice": invoice["id"]})


def drop(tx: Transaction, subscription: Wire) -> None:
    """Nothing waits any more for a subscription that has ended; says invoiceitem.deleted."""
    for row in tx.newest_first(_LINE):
        if row["subscription"] == subscription["id"] and not row["used"]:
            tx.put({**row, "used": True})
            item = tx.need("invoiceitem", row["id"])
            tx.delete(item)
            tx.tell("invoiceitem.deleted", item)
