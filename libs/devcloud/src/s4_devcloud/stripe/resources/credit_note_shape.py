"""What a credit note and its lines look like."""

from dataclasses import dataclass

from s4_devcloud.stripe.billing import taxes
from s4_devcloud.stripe.billing.rounding import share
from s4_devcloud.stripe.lists import listing
from s4_devcloud.stripe.wire import Wire, new_id


@dataclass(frozen=True)
class Credit:
    """A part of an invoice's line: its amount as the line counts it, with the taxes that belong to the part."""

    line: Wire
    amount: int


def gross(line: Wire) -> int:
    """What the line adds to the total."""
    return int(line["amount"]) + taxes.added(line["taxes"])


def spread(invoice: Wire, amount: int) -> list[Credit]:
    """The lines whose credit adds up to the amount, the first lines first; tax is a share of it."""
    found: list[Credit] = []
    for line in invoice["lines"]["data"]:
        whole = gross(line)
        part = min(amount, whole)
        if part > 0:
            found.append(Credit(line, part - share(part, taxes.added(line["taxes"]), whole)))
            amount -= part
    return found


def new_note(invoice: Wire, parts: list[Credit], number: int, now: int, public_url: str) -> Wire:
    """An issued credit note that nothing was paid back for yet."""
    name = new_id("cn")
    lines = [_line(part) for part in parts]
    subtotal = sum(line["amount"] for line in lines)
    tax = sum(entry["amount"] for line in lines for entry in line["taxes"])
    total = subtotal + sum(taxes.added(line["taxes"]) for line in lines)
    return {
        "id": name,
        "object": "credit_note",
        "amount": total,
        "amount_shipping": 0,
        "created": now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_account": None,
        "customer_balance_transaction": None,
        "discount_amount": 0,
        "discount_amounts": [],
        "effective_at": now,
        "invoice": invoice["id"],
        "lines": listing(f"/v1/credit_notes/{name}/lines", lines),
        "livemode": False,
        "memo": None,
        "metadata": {},
        "number": f"{invoice['number']}-CN-{number:02}",
        "out_of_band_amount": None,
        "pdf": f"{public_url}/cn/{new_id('cnst', 40)}/pdf",
        "post_payment_amount": 0,
        "pre_payment_amount": 0,
        "pretax_credit_amounts": [],
        "reason": None,
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "subtotal": subtotal,
        "subtotal_excluding_tax": total - tax,
        "total": total,
        "total_excluding_tax": total - tax,
        "total_taxes": taxes.summed(lines),
        "type": "post_payment",
        "voided_at": None,
    }


def _line(credit: Credit) -> Wire:
    line = credit.line
    return {
        "id": new_id("cnli"),
        "object": "credit_note_line_item",
        "amount": credit.amount,
        "description": line["description"],
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": line["id"],
        "livemode": False,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": None,
        "tax_rates": [],
        "taxes": [_part(tax, credit.amount, line["amount"]) for tax in line["taxes"]],
        "type": "invoice_line_item",
        "unit_amount": None,
        "unit_amount_decimal": None,
    }


def _part(tax: Wire, amount: int, whole: int) -> Wire:
    return {**tax, **{name: share(tax[name], amount, whole) for name in ("amount", "taxable_amount")}}
