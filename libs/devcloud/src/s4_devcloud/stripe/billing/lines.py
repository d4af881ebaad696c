"""The lines of a subscription's invoices."""

from datetime import UTC, datetime

from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire, new_id


def period_line(tx: Transaction, item: Wire) -> Wire:
    """The whole of the item's current period."""
    amount = item["price"]["unit_amount"] * item["quantity"]
    return _line(item, amount, f"{item['quantity']} \u00d7 {product_name(tx, item['price'])}", item_period(item))


def trial_line(tx: Transaction, item: Wire) -> Wire:
    """The item's current period, free."""
    return _line(item, 0, f"Trial period for {product_name(tx, item['price'])}", item_period(item))


def unused_line(tx: Transaction, item: Wire, amount: int, since: int, credited: Wire | None) -> Wire:
    """The credit for what is left of a period; `credited` names the invoice that had charged it."""
    words = f"Unused time on {_counted(tx, item)} after {_day(since)}"
    period = {"start": since, "end": item["current_period_end"]}
    return _line(item, -amount, words, period, proration={"credited_items": credited})


def remaining_line(tx: Transaction, item: Wire, amount: int, since: int) -> Wire:
    """The charge for what is left of a period."""
    words = f"Remaining time on {_counted(tx, item)} after {_day(since)}"
    period = {"start": since, "end": item["current_period_end"]}
    return _line(item, amount, words, period, proration={"credited_items": None})


def item_period(item: Wire) -> Wire:
    """From when to when the item has been charged."""
    return {"end": item["current_period_end"], "start": item["current_period_start"]}


def product_name(tx: Transaction, price: Wire) -> str:
    """What the price is for."""
    product = tx.get("product", price["product"]) or {}
    return str(product.get("name", price["product"]))


def _counted(tx: Transaction, item: Wire) -> str:
    name = product_name(tx, item["price"])
    return name if item["quantity"] == 1 else f"{item['quantity']} \u00d7 {name}"


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%d %b %Y")


def _line(item: Wire, amount: int, description: str, period: Wire, proration: Wire | None = None) -> Wire:
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": item["price"]["currency"],
        "description": description,
        "discount_amounts": [],
        "discountable": proration is None,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": proration is not None,
                "proration_details": proration or {"credited_items": None},
                "subscription": item["subscription"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        "period": period,
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": item["price"]["id"], "product": item["price"]["product"]},
            "type": "price_details",
            "unit_amount_decimal": item["price"]["unit_amount_decimal"],
        },
        "quantity": item["quantity"],
        "subscription": item["subscription"],
        "subtotal": amount,
        "taxes": [],
    }
