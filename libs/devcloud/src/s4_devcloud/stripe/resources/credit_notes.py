"""/v1/credit_notes: less is owed for an invoice, or some of what was paid for it goes back, tax and all."""

from stripe.params import (
    CreditNoteCreateParams,
    CreditNoteLineItemListParams,
    CreditNoteListParams,
    CreditNotePreviewParams,
    CreditNoteRetrieveParams,
    CreditNoteUpdateParams,
    CreditNoteVoidCreditNoteParams,
)

from s4_devcloud.stripe.calls import ANY_LIST, Call, Route, merge_metadata
from s4_devcloud.stripe.lists import page, page_of, same
from s4_devcloud.stripe.problems import invalid
from s4_devcloud.stripe.resources.credit_note_effects import owe_less, owe_more, repay
from s4_devcloud.stripe.resources.credit_note_rules import compose
from s4_devcloud.stripe.wire import Wire

_CREATE = (
    *("invoice", "amount", "lines", "credit_amount", "refund_amount", "out_of_band_amount", "refunds"),
    *("reason", "memo", "metadata"),
)
_OF_LIST = tuple(name for name in ANY_LIST if name != "created")


def routes() -> list[Route]:
    """Create, preview, retrieve, update, list, lines, void."""
    every, one = "/v1/credit_notes", "/v1/credit_notes/{note}"
    return [
        Route("POST", every, CreditNoteCreateParams, create, _CREATE),
        Route("GET", every, CreditNoteListParams, everything, (*ANY_LIST, "customer", "invoice")),
        Route("GET", every + "/preview", CreditNotePreviewParams, preview, _CREATE),
        Route("GET", one, CreditNoteRetrieveParams, retrieve),
        Route("POST", one, CreditNoteUpdateParams, update, ("memo", "metadata")),
        Route("GET", one + "/lines", CreditNoteLineItemListParams, lines, _OF_LIST),
        Route("POST", one + "/void", CreditNoteVoidCreditNoteParams, void),
    ]


def create(call: Call) -> Wire:
    """An issued credit note with its effects on the invoice; says credit_note.created."""
    note, invoice = compose(call)
    repay(call, note, invoice)
    owe_less(call.tx, note, invoice)
    call.tx.tell("credit_note.created", note)
    return call.tx.put(note)


def preview(call: Call) -> Wire:
    """The note that `create` would make. Nothing changes."""
    return compose(call)[0]


def everything(call: Call) -> Wire:
    """Credit notes, of a customer or for an invoice."""
    return page(call, "credit_note", "/v1/credit_notes", same(call, "customer"), same(call, "invoice"))


def retrieve(call: Call) -> Wire:
    """One credit note."""
    return call.tx.need("credit_note", call.names["note"])


def update(call: Call) -> Wire:
    """Change what was sent; says credit_note.updated."""
    note = call.tx.need("credit_note", call.names["note"])
    before = dict(note)
    note["memo"] = call.params.get("memo", note["memo"])
    note["metadata"] = merge_metadata(note["metadata"], call.params.get("metadata", {}))
    previous = {name: value for name, value in before.items() if note[name] != value}
    if previous:
        call.tx.tell("credit_note.updated", note, previous)
    return call.tx.put(note)


def lines(call: Call) -> Wire:
    """What was credited."""
    note = call.tx.need("credit_note", call.names["note"])
    return page_of(call, note["lines"]["data"], "credit_note_line_item", note["lines"]["url"])


def void(call: Call) -> Wire:
    """Take back a note whose invoice is still owed; says credit_note.voided."""
    note = call.tx.need("credit_note", call.names["note"])
    invoice = call.tx.need("invoice", note["invoice"])
    if note["status"] == "void" or note["post_payment_amount"] > 0 or invoice["status"] != "open":
        raise invalid("Only an issued credit note on an open invoice can be voided.")
    owe_more(call.tx, note, invoice)
    note.update(status="void", voided_at=call.tx.now)
    call.tx.tell("credit_note.voided", note, {"status": "issued", "voided_at": None})
    return call.tx.put(note)
