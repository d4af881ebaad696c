"""An invoice as a PDF."""

from s4_devcloud.stripe.pages.pdf import Rule, Text, document, width_of
from s4_devcloud.stripe.pages.render import day, money
from s4_devcloud.stripe.wire import Wire

_LEFT, _RIGHT = 50, 545  # points
_FIRST_ROW, _ROW, _LOWEST = 250, 30, 760
_LONGEST = 70  # letters of a description that fit into its column
_STANDING = {
    "paid": "Paid",
    "void": "Void: nothing is owed",
    "uncollectible": "Not expected to be paid",
    "open": "To be paid",
}


def pdf_of(invoice: Wire) -> bytes:
    """The file. It holds what the invoice's page shows."""
    pages: list[list[Text | Rule]] = [_head(invoice)]
    top = _FIRST_ROW
    for line in invoice["lines"]["data"]:
        if top > _LOWEST:
            pages.append([])
            top = _LEFT
        pages[-1] += _row(line, top)
        top += _ROW
    if top > _LOWEST - 5 * _ROW:
        pages.append([])
        top = _LEFT
    pages[-1] += _sums(invoice, top)
    return document(pages, f"Invoice {invoice['number']}")


def _head(invoice: Wire) -> list[Text | Rule]:
    buyer = [invoice["customer_name"], invoice["customer_email"], *_address(invoice["customer_address"])]
    return [
        Text("Invoice", _LEFT, 70, 22, bold=True),
        Text(str(invoice["account_name"]), _RIGHT - 80, 70, 14, bold=True),
        Text("Made by the local stand-in for Stripe. No money moved.", _LEFT, 90, 8),
        Text(f"Number: {invoice['number']}", _LEFT, 120),
        Text(f"Date: {day(invoice['effective_at'])}", _LEFT, 135),
        Text(_STANDING.get(invoice["status"], ""), _LEFT, 150, bold=True),
        Text("Billed to", 300, 120, bold=True),
        *(Text(words, 300, 135 + 13 * row) for row, words in enumerate(filter(None, buyer))),
        Text("Description", _LEFT, _FIRST_ROW - 25, bold=True),
        Text("Amount", _RIGHT - 38, _FIRST_ROW - 25, bold=True),
        Rule(_FIRST_ROW - 18),
    ]


def _address(address: Wire | None) -> list[str]:
    if address is None:
        return []
    names = ("line1", "line2", "postal_code", "city", "state", "country")
    return [", ".join(str(address[name]) for name in names if address[name])]


def _row(line: Wire, top: int) -> list[Text | Rule]:
    words = str(line["description"])
    shown = words if len(words) <= _LONGEST else words[: _LONGEST - 3] + "..."
    period = f"{day(line['period']['start'])} to {day(line['period']['end'])}"
    return [Text(shown, _LEFT, top), Text(period, _LEFT, top + 11, 8), _figure(line["amount"], line["currency"], top)]


def _sums(invoice: Wire, top: int) -> list[Text | Rule]:
    currency = invoice["currency"]
    tax_names = {"exclusive": "Tax", "inclusive": "Tax, included"}
    sums = [
        ("Subtotal", invoice["subtotal"]),
        *((tax_names[tax["tax_behavior"]], tax["amount"]) for tax in invoice["total_taxes"]),
        ("Total", invoice["total"]),
        ("Paid" if invoice["status"] == "paid" else "To be paid", invoice["amount_due"]),
    ]
    marks: list[Text | Rule] = [Rule(top - 12)]
    for row, (name, amount) in enumerate(sums):
        marks += [Text(name, 340, top + 6 + 16 * row, bold=True), _figure(amount, currency, top + 6 + 16 * row)]
    return marks


def _figure(amount: int, currency: str, top: int) -> Text:
    """An amount that ends at the right margin; its currency's letters are wider than digits."""
    words = money(amount, currency)
    return Text(words, _RIGHT - width_of(words, 10) - 6, top)
