"""What can be done to an invoice: pay, finalize, void, mark as uncollectible, and change what is not yet settled."""

from stripe.params import (
    InvoiceFinalizeInvoiceParams,
    InvoiceMarkUncollectibleParams,
    InvoicePayParams,
    InvoiceUpdateParams,
    InvoiceVoidInvoiceParams,
)

from s4_devcloud.stripe.billing import collecting, endings, invoicing
from s4_devcloud.stripe.calls import Call, Route, merge_metadata, unset
from s4_devcloud.stripe.problems import FailedPayment, invalid
from s4_devcloud.stripe.wire import Wire

_UPDATE = ("auto_advance", "default_payment_method", "description", "metadata")
_ACTION = (
    "This payment requires additional user action before it can be completed successfully. Payment can be completed "
    "using the PaymentIntent associated with the invoice."
)


def routes() -> list[Route]:
    """Update, pay, finalize, void, mark as uncollectible."""
    one = "/v1/invoices/{invoice}"
    return [
        Route("POST", one, InvoiceUpdateParams, update, _UPDATE),
        Route("POST", one + "/pay", InvoicePayParams, pay, ("off_session", "payment_method")),
        Route("POST", one + "/finalize", InvoiceFinalizeInvoiceParams, finalize, ("auto_advance",)),
        Route("POST", one + "/void", InvoiceVoidInvoiceParams, void),
        Route("POST", one + "/mark_uncollectible", InvoiceMarkUncollectibleParams, mark_uncollectible),
    ]


def update(call: Call) -> Wire:
    """Change what was sent; says invoice.updated."""
    invoice = _the_invoice(call)
    before = dict(invoice)
    if "default_payment_method" in call.params:
        card = collecting.own_card(call.tx, call.params["default_payment_method"], invoice["customer"])
        invoice["default_payment_method"] = card["id"]
    if "description" in call.params:
        invoice["description"] = unset(call.params["description"])
    if "metadata" in call.params:
        invoice["metadata"] = merge_metadata(invoice["metadata"], call.params["metadata"])
    if "auto_advance" in call.params:
        _advance(call, invoice)
    previous = {name: value for name, value in before.items() if invoice[name] != value}
    call.tx.tell("invoice.updated", invoice, previous)
    return call.tx.put(invoice)


def _advance(call: Call, invoice: Wire) -> None:
    if invoice["status"] not in ("draft", "open"):
        raise invalid("Only draft and open invoices advance.", "auto_advance")
    invoice["auto_advance"] = call.params["auto_advance"]
    later = call.tx.now + invoicing.DRAFT_SECONDS if invoice["auto_advance"] else None
    invoice["automatically_finalizes_at" if invoice["status"] == "draft" else "next_payment_attempt"] = later


def pay(call: Call) -> Wire:
    """Collect it now. A failed try stays on record, and the answer is an error of status 402."""
    invoice = _the_invoice(call)
    if invoice["status"] == "draft":
        invoice = invoicing.finalize(call.tx, invoice)
        if invoice["status"] == "paid":
            return invoice
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid")
    if invoice["status"] == "void":
        raise invalid("Voided invoices cannot be paid.")
    method = call.params.get("payment_method")
    if method is None and collecting.default_card(call.tx, invoice) is None:
        raise invalid("There is no default payment method set on this Customer, Subscription or Invoice.")
    if method is not None:
        collecting.own_card(call.tx, method, invoice["customer"], "payment_method")
    off_session = call.params.get("off_session", True)
    tried = collecting.attempt(call.tx, invoice, method, off_session=off_session, scheduled=False)
    if tried.result == "paid":
        return tried.invoice
    raise _failure(tried)


def _failure(tried: collecting.Attempt) -> FailedPayment:
    shown: Wire = {} if tried.intent is None else {"payment_intent": tried.intent}
    if tried.decline is None:
        return FailedPayment(_ACTION, "invoice_payment_intent_requires_action", shown=shown)
    if tried.intent is not None:
        shown["charge"] = tried.intent["latest_charge"]
    return FailedPayment(tried.decline.message, tried.decline.code, tried.decline.decline_code, shown)


def finalize(call: Call) -> Wire:
    """Number it and make it owed. With `auto_advance` it is collected about an hour later."""
    invoice = _the_invoice(call)
    if invoice["status"] != "draft":
        raise invalid("This invoice is already finalized, you can't re-finalize a non-draft invoice.")
    invoice["auto_advance"] = call.params.get("auto_advance", invoice["auto_advance"])
    invoice = invoicing.finalize(call.tx, invoice)
    if invoice["status"] == "open" and invoice["auto_advance"]:
        invoice["next_payment_attempt"] = call.tx.now + invoicing.DRAFT_SECONDS
    return call.tx.put(invoice)


def void(call: Call) -> Wire:
    """Nobody owes it any more."""
    invoice = _the_invoice(call)
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid("You can only pass in open invoices. This invoice isn't open.")
    return endings.void(call.tx, invoice)


def mark_uncollectible(call: Call) -> Wire:
    """Nobody expects it to be paid any more."""
    invoice = _the_invoice(call)
    if invoice["status"] != "open":
        raise invalid("You can only mark open invoices as uncollectible.")
    return endings.give_up(call.tx, invoice)


def _the_invoice(call: Call) -> Wire:
    return call.tx.need("invoice", call.names["invoice"])
