"""What must hold for a new credit note, and the note that follows."""

from s4_devcloud.stripe.calls import Call, merge_metadata
from s4_devcloud.stripe.problems import NotImplementedHere, invalid, missing
from s4_devcloud.stripe.resources.credit_note_shape import Credit, new_note, spread
from s4_devcloud.stripe.wire import Wire

_GIVEN_BACK = ("credit_amount", "refund_amount", "out_of_band_amount")


def compose(call: Call) -> tuple[Wire, Wire]:
    """The note, without effect yet, and its invoice. Raises Problem for what does not add up."""
    invoice = call.tx.need("invoice", call.params["invoice"], "invoice", 400)
    if invoice["status"] not in ("open", "paid"):
        raise invalid("You can only create credit notes for open or paid invoices.", "invoice")
    earlier = call.tx.newest_first("credit_note", invoice=invoice["id"])
    note = new_note(invoice, _credits(call, invoice), len(earlier) + 1, call.tx.now, call.public_url)
    left = invoice["total"] - sum(row["total"] for row in earlier if row["status"] == "issued")
    if not 0 < note["total"] <= left:
        raise invalid(
            f"The credit note's amount ({note['total']}) must be between 1 and {left}, what is left.", "amount"
        )
    note["memo"] = call.params.get("memo")
    note["reason"] = call.params.get("reason")
    note["metadata"] = merge_metadata({}, call.params.get("metadata", {}))
    _divide(call, note, invoice)
    return note, invoice


def _credits(call: Call, invoice: Wire) -> list[Credit]:
    params = call.params
    if ("amount" in params) == ("lines" in params):
        raise missing("amount") if "amount" not in params else invalid("Give either amount or lines.", "amount")
    if "amount" in params:
        if params["amount"] > invoice["total"]:
            raise invalid(f"The amount is more than the invoice's total ({invoice['total']}).", "amount")
        return spread(invoice, params["amount"])
    return [_credit(invoice, wanted, f"lines[{index}]") for index, wanted in enumerate(params["lines"])]


def _credit(invoice: Wire, wanted: Wire, place: str) -> Credit:
    for name in wanted:
        if name not in ("type", "invoice_line_item", "amount"):
            raise NotImplementedHere(f"{place}[{name}]", f"{place}[{name}]")
    if wanted["type"] != "invoice_line_item":
        raise NotImplementedHere(f"{place}[type]={wanted['type']}", f"{place}[type]")
    found = [line for line in invoice["lines"]["data"] if line["id"] == wanted.get("invoice_line_item")]
    if not found:
        raise invalid("The line item is not the invoice's.", f"{place}[invoice_line_item]", "resource_missing")
    amount = wanted.get("amount", 0)
    if not 0 < amount <= found[0]["amount"]:
        raise invalid(f"The amount must be between 1 and {found[0]['amount']}.", f"{place}[amount]")
    return Credit(found[0], amount)


def _divide(call: Call, note: Wire, invoice: Wire) -> None:
    """How much lowers what is owed, and how much of what was paid goes back, on the ways that were named."""
    before = min(note["total"], invoice["amount_remaining"])
    note.update(pre_payment_amount=before, post_payment_amount=note["total"] - before)
    note["type"] = "post_payment" if before == 0 else "pre_payment" if before == note["total"] else "mixed"
    note["out_of_band_amount"] = call.params.get("out_of_band_amount")
    for index, wanted in enumerate(call.params.get("refunds", [])):
        note["refunds"].append(_existing(call, wanted, f"refunds[{index}]"))
    named = sum(call.params.get(name, 0) for name in _GIVEN_BACK)
    named += sum(entry["amount_refunded"] for entry in note["refunds"])
    if named != note["post_payment_amount"]:
        raise invalid(
            f"The sum of credit amount, refund amount, refunds and out of band amount ({named}) must equal what is "
            f"credited of the payment ({note['post_payment_amount']})."
        )


def _existing(call: Call, wanted: Wire, place: str) -> Wire:
    for name in wanted:
        if name not in ("refund", "amount_refunded"):
            raise NotImplementedHere(f"{place}[{name}]", f"{place}[{name}]")
    refund = call.tx.need("refund", wanted.get("refund", ""), f"{place}[refund]", 400)
    amount = wanted["amount_refunded"] if "amount_refunded" in wanted else refund["amount"]
    if not 0 < amount <= refund["amount"]:
        raise invalid(f"The amount must be between 1 and {refund['amount']}.", f"{place}[amount_refunded]")
    return {"amount_refunded": amount, "payment_record_refund": None, "refund": refund["id"], "type": "refund"}
