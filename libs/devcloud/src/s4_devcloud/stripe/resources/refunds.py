"""/v1/refunds: money that goes back to the card, never more than is left of the charge."""

from typing import Literal

from stripe.params import (
    RefundCancelParams,
    RefundCreateParams,
    RefundListParams,
    RefundRetrieveParams,
    RefundUpdateParams,
)

from s4_devcloud.stripe.calls import ANY_LIST, Call, Route, merge_metadata
from s4_devcloud.stripe.later import plan
from s4_devcloud.stripe.lists import listing, page, same
from s4_devcloud.stripe.problems import invalid
from s4_devcloud.stripe.resources.disputes import close_inquiries, is_refundable
from s4_devcloud.stripe.resources.fraud_warnings import reconsider
from s4_devcloud.stripe.resources.payment_methods import behaviour_of
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire, new_id

RefundStatus = Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
_SETTLES_AFTER = 3600  # seconds by the clock until a refund of a card with a late answer ends; Stripe names no time
_NOT_PAID_BACK = ("failed", "canceled")


def routes() -> list[Route]:
    """Create, retrieve, update, list, cancel."""
    every, one = "/v1/refunds", "/v1/refunds/{refund}"
    created = ("amount", "charge", "payment_intent", "reason", "metadata")
    return [
        Route("POST", every, RefundCreateParams, create, created),
        Route("GET", every, RefundListParams, everything, (*ANY_LIST, "charge", "payment_intent")),
        Route("GET", one, RefundRetrieveParams, retrieve),
        Route("POST", one, RefundUpdateParams, update, ("metadata",)),
        Route("POST", one + "/cancel", RefundCancelParams, cancel),
    ]


def create(call: Call) -> Wire:
    """Pay back all that is left of a charge, or a part of it; says refund.created and charge.refunded."""
    charge = _charge(call)
    amount = call.params.get("amount", charge["amount"] - charge["amount_refunded"] or 1)
    check_refundable(call.tx, charge, amount)
    metadata = merge_metadata({}, call.params.get("metadata", {}))
    return pay_back(call.tx, charge, amount, call.params.get("reason"), metadata)


def everything(call: Call) -> Wire:
    """Refunds, of a charge or of a payment intent."""
    return page(call, "refund", "/v1/refunds", same(call, "charge"), same(call, "payment_intent"))


def retrieve(call: Call) -> Wire:
    """One refund."""
    return call.tx.need("refund", call.names["refund"])


def update(call: Call) -> Wire:
    """Change the metadata; says refund.updated."""
    refund = call.tx.need("refund", call.names["refund"])
    before = refund["metadata"]
    refund["metadata"] = merge_metadata(before, call.params.get("metadata", {}))
    if before != refund["metadata"]:
        _tell_updated(call.tx, refund, {"metadata": before})
    return call.tx.put(refund)


def cancel(call: Call) -> Wire:
    """Take a refund back that waits for the customer; a card's never does unless the control port says so."""
    refund = call.tx.need("refund", call.names["refund"])
    if refund["status"] != "requires_action":
        raise invalid(f"A refund with the status {refund['status']} cannot be canceled.")
    return end_refund(call.tx, refund, "canceled")


def refunds_of(tx: Transaction, charge: Wire) -> Wire:
    """The list that a charge has under `refunds` when asked to."""
    rows = tx.newest_first("refund", charge=charge["id"])
    return listing(f"/v1/charges/{charge['id']}/refunds", rows)


def pay_back(tx: Transaction, charge: Wire, amount: int, reason: str | None, metadata: Wire) -> Wire:
    """The refund; the card decides whether it ends at once."""
    behaviour = behaviour_of(tx, tx.need("payment_method", charge["payment_method"]))
    refund = _new_refund(charge, amount, reason, tx.now)
    refund["metadata"] = metadata
    if behaviour == "refund_pending":
        refund.update(status="pending", pending_reason="processing")
        plan(tx, "refund_succeeds", refund["id"], tx.now + _SETTLES_AFTER)
    elif behaviour == "refund_fails":
        plan(tx, "refund_fails", refund["id"], tx.now + _SETTLES_AFTER)
    if reason == "fraudulent":
        charge["fraud_details"] = {"user_report": "fraudulent"}
    previous = _count(charge, amount)
    tx.tell("refund.created", tx.put(refund))
    tx.tell("charge.refunded", tx.put(charge), previous)
    reconsider(tx, charge)
    if charge["refunded"]:
        close_inquiries(tx, charge)
    return refund


def end_refund(tx: Transaction, refund: Wire, status: RefundStatus, failure_reason: str = "unknown") -> Wire:
    """The refund in another status; what was not paid back can be refunded again."""
    before = refund["status"]
    if before in (status, *_NOT_PAID_BACK):
        return refund
    refund["status"] = status
    refund.pop("pending_reason", None)
    if status == "pending":
        refund["pending_reason"] = "processing"
    if status == "failed":
        refund["failure_reason"] = failure_reason
    if status in _NOT_PAID_BACK:
        charge = tx.need("charge", refund["charge"])
        _count(charge, -refund["amount"])
        tx.put(charge)
    _tell_updated(tx, tx.put(refund), {"status": before})
    if status == "failed":
        tx.tell("refund.failed", refund)
    return refund


def _tell_updated(tx: Transaction, refund: Wire, previous: Wire) -> None:
    tx.tell("refund.updated", refund, previous)
    tx.tell("charge.refund.updated", refund, previous)


def _count(charge: Wire, amount: int) -> Wire:
    """Add to what was refunded of the charge; returns what was different before."""
    previous = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    return {name: value for name, value in previous.items() if charge[name] != value}


def _charge(call: Call) -> Wire:
    """The charge that is meant."""
    charge, intent = call.params.get("charge"), call.params.get("payment_intent")
    if (charge is None) == (intent is None):
        raise invalid("Exactly one of these parameters must be given: charge, payment_intent.", "payment_intent")
    if charge is not None:
        return call.tx.need("charge", charge, "charge", 400)
    paid = call.tx.need("payment_intent", str(intent), "payment_intent", 400)
    if paid["status"] != "succeeded":
        raise invalid(f"This PaymentIntent ({intent}) does not have a successful charge to refund.", "payment_intent")
    return call.tx.need("charge", paid["latest_charge"])


def check_refundable(tx: Transaction, charge: Wire, amount: int) -> None:
    """Raise Problem unless so much can be refunded of the charge."""
    left = charge["amount"] - charge["amount_refunded"]
    if not charge["paid"]:
        raise invalid(f"Charge {charge['id']} did not succeed and cannot be refunded.", code="charge_not_refundable")
    if left == 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if not is_refundable(tx, charge):
        raise invalid(f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed")
    if amount < 1:
        raise invalid("Invalid positive integer", "amount", "parameter_invalid_integer")
    if amount > left:
        raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).", "amount")


def _new_refund(charge: Wire, amount: int, reason: str | None, now: int) -> Wire:
    card = {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "destination_details": {"card": card, "type": "card"},
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
