"""What a credit note does to its invoice, to the payment behind it and to the customer."""

from s4_devcloud.stripe.billing.invoicing import COLLECTION
from s4_devcloud.stripe.billing.settling import settle
from s4_devcloud.stripe.calls import Call
from s4_devcloud.stripe.problems import invalid
from s4_devcloud.stripe.resources.payment_intents import cancel_intent
from s4_devcloud.stripe.resources.refunds import check_refundable, pay_back
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire

_REASONS = {"duplicate": "duplicate", "fraudulent": "fraudulent"}  # of a note that a refund has too


def repay(call: Call, note: Wire, invoice: Wire) -> None:
    """Refund the card and credit the customer as far as was asked."""
    refunded, credited = call.params.get("refund_amount", 0), call.params.get("credit_amount", 0)
    if refunded > 0:
        charge = _charge(call.tx, invoice)
        check_refundable(call.tx, charge, refunded)
        refund = pay_back(call.tx, charge, refunded, _REASONS.get(str(note["reason"])), {})
        entry = {"amount_refunded": refunded, "payment_record_refund": None, "refund": refund["id"], "type": "refund"}
        note["refunds"].append(entry)
    if credited > 0:
        customer = call.tx.need("customer", invoice["customer"])
        before = customer["balance"]
        customer["balance"] = before - credited
        call.tx.tell("customer.updated", call.tx.put(customer), {"balance": before})


def owe_less(tx: Transaction, note: Wire, invoice: Wire) -> None:
    """Lower what is still owed; an invoice with nothing left to pay is paid."""
    _count(tx, note, invoice, 1)
    if invoice["status"] == "open" and invoice["amount_remaining"] == 0:
        collection = tx.need(COLLECTION, invoice["id"])
        cancel_intent(tx, tx.need("payment_intent", collection["intent"]), "void_invoice")
        payment = tx.need("invoice_payment", collection["payment"])
        transitions = {**payment["status_transitions"], "canceled_at": tx.now}
        tx.put({**payment, "status": "canceled", "status_transitions": transitions})
        settle(tx, invoice, None)


def owe_more(tx: Transaction, note: Wire, invoice: Wire) -> None:
    """Take the effect back."""
    _count(tx, note, invoice, -1)


def _count(tx: Transaction, note: Wire, invoice: Wire, sign: int) -> None:
    """Say invoice.updated with what is owed now; the payment intent asks for no more than that."""
    before, after = sign * note["pre_payment_amount"], sign * note["post_payment_amount"]
    changes = {
        "amount_due": invoice["amount_due"] - before,
        "amount_remaining": invoice["amount_remaining"] - before,
        "post_payment_credit_notes_amount": invoice["post_payment_credit_notes_amount"] + after,
        "pre_payment_credit_notes_amount": invoice["pre_payment_credit_notes_amount"] + before,
    }
    previous = {name: invoice[name] for name, value in changes.items() if invoice[name] != value}
    invoice.update(changes)
    tx.tell("invoice.updated", tx.put(invoice), previous)
    collection = tx.get(COLLECTION, invoice["id"])
    if collection is not None and before != 0:
        tx.put({**tx.need("payment_intent", collection["intent"]), "amount": invoice["amount_remaining"]})
        payment = tx.need("invoice_payment", collection["payment"])
        tx.put({**payment, "amount_requested": invoice["amount_remaining"]})


def _charge(tx: Transaction, invoice: Wire) -> Wire:
    """The charge that paid the invoice."""
    for payment in tx.newest_first("invoice_payment", invoice=invoice["id"]):
        if payment["status"] == "paid":
            return tx.need("charge", tx.need("payment_intent", payment["payment"]["payment_intent"])["latest_charge"])
    raise invalid("Nothing was paid for this invoice that could be refunded.", "refund_amount")
