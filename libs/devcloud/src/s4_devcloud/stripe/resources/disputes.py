"""/v1/disputes: a cardholder's bank takes the money back, and perhaps gives it up again.

Disputes come from cards that do so and from the control port. The texts that decide one at once are those of Stripe's
test mode.
"""

from typing import Literal

from stripe.params import DisputeCloseParams, DisputeListParams, DisputeRetrieveParams, DisputeUpdateParams

from s4_devcloud.stripe.calls import ANY_LIST, Call, Route, merge_metadata
from s4_devcloud.stripe.later import plan
from s4_devcloud.stripe.lists import page, same
from s4_devcloud.stripe.problems import invalid
from s4_devcloud.stripe.resources.dispute_shape import WORDS_OF_EVIDENCE, movement, new_dispute
from s4_devcloud.stripe.resources.fraud_warnings import reconsider
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire

Verdict = Literal["won", "lost", "warning_closed"]
_OPEN = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")
_UPDATE = (*(f"evidence.{name}" for name in WORDS_OF_EVIDENCE), "metadata", "submit")


def routes() -> list[Route]:
    """Retrieve, list, update, close."""
    every, one = "/v1/disputes", "/v1/disputes/{dispute}"
    return [
        Route("GET", every, DisputeListParams, everything, (*ANY_LIST, "charge", "payment_intent")),
        Route("GET", one, DisputeRetrieveParams, retrieve),
        Route("POST", one, DisputeUpdateParams, update, _UPDATE),
        Route("POST", one + "/close", DisputeCloseParams, close),
    ]


def everything(call: Call) -> Wire:
    """Disputes, of a charge or of a payment intent."""
    return page(call, "dispute", "/v1/disputes", same(call, "charge"), same(call, "payment_intent"))


def retrieve(call: Call) -> Wire:
    """One dispute."""
    return call.tx.need("dispute", call.names["dispute"])


def update(call: Call) -> Wire:
    """Note evidence and, unless told otherwise, send it to the bank; says charge.dispute.updated."""
    dispute = _open(call)
    before = dict(dispute)
    evidence = call.params.get("evidence", {})
    if "metadata" in call.params:
        dispute["metadata"] = merge_metadata(dispute["metadata"], call.params["metadata"])
    if evidence:
        dispute["evidence"] = {**dispute["evidence"], **evidence}
        dispute["evidence_details"] = {**dispute["evidence_details"], "has_evidence": True}
    if call.params.get("submit", bool(evidence)):
        _submit(dispute)
    previous = {name: value for name, value in before.items() if dispute[name] != value}
    if previous:
        call.tx.tell("charge.dispute.updated", call.tx.put(dispute), previous)
    if dispute["status"] == "under_review":
        _decide(call.tx, dispute, dispute["evidence"]["uncategorized_text"])
    return call.tx.need("dispute", dispute["id"])


def close(call: Call) -> Wire:
    """Give in: the dispute is lost. An inquiry is only closed."""
    dispute = _open(call)
    return end_dispute(call.tx, dispute, "warning_closed" if is_inquiry(dispute) else "lost")


def open_dispute(
    tx: Transaction, charge: Wire, reason: str, amount: int | None = None, *, is_inquiry: bool = False
) -> Wire:
    """The bank disputes a charge; says charge.dispute.created and, for money, charge.dispute.funds_withdrawn."""
    wanted = amount or charge["amount"] - charge["amount_refunded"] or charge["amount"]
    dispute = tx.put(new_dispute(charge, reason, wanted, tx.now, is_inquiry=is_inquiry))
    charge["disputed"] = True
    tx.put(charge)
    tx.tell("charge.dispute.created", dispute)
    if not is_inquiry:
        dispute["balance_transactions"] = [movement(dispute, tx.now, comes_back=False)]
        tx.tell("charge.dispute.funds_withdrawn", tx.put(dispute))
        plan(tx, "dispute_is_due", dispute["id"], dispute["evidence_details"]["due_by"])
    reconsider(tx, charge)
    return dispute


def end_dispute(tx: Transaction, dispute: Wire, verdict: Verdict) -> Wire:
    """The bank's word; says charge.dispute.closed and, when won, charge.dispute.funds_reinstated."""
    before = dispute["status"]
    dispute["status"] = verdict
    if verdict == "won":
        dispute["balance_transactions"].append(movement(dispute, tx.now, comes_back=True))
        dispute["is_charge_refundable"] = True
        tx.tell("charge.dispute.funds_reinstated", dispute)
    tx.tell("charge.dispute.closed", dispute, {"status": before})
    return tx.put(dispute)


def let_lapse(tx: Transaction, dispute: Wire) -> None:
    """Nobody answered in time: the dispute is lost."""
    if dispute["status"] == "needs_response":
        dispute["evidence_details"]["past_due"] = True
        end_dispute(tx, dispute, "lost")


def close_inquiries(tx: Transaction, charge: Wire) -> None:
    """The charge was refunded: the bank has nothing more to ask."""
    for row in _of(tx, charge):
        if row["status"] in _OPEN and is_inquiry(row):
            end_dispute(tx, tx.need("dispute", row["id"]), "warning_closed")


def is_refundable(tx: Transaction, charge: Wire) -> bool:
    """Whether no dispute holds the charge's money."""
    return all(row["is_charge_refundable"] for row in _of(tx, charge))


def is_inquiry(dispute: Wire) -> bool:
    """Whether the bank only asks."""
    return bool(dispute["payment_method_details"]["card"]["case_type"] == "inquiry")


def is_open(dispute: Wire) -> bool:
    """Whether nothing is decided yet."""
    return dispute["status"] in _OPEN


def _of(tx: Transaction, charge: Wire) -> list[Wire]:
    return tx.newest_first("dispute", charge=charge["id"])


def _open(call: Call) -> Wire:
    dispute = call.tx.need("dispute", call.names["dispute"])
    if not is_open(dispute):
        raise invalid("This dispute is already closed.")
    return dispute


def _submit(dispute: Wire) -> None:
    details = dispute["evidence_details"]
    dispute["evidence_details"] = {**details, "submission_count": details["submission_count"] + 1}
    dispute["status"] = "warning_under_review" if is_inquiry(dispute) else "under_review"


def _decide(tx: Transaction, dispute: Wire, text: str | None) -> None:
    if text == "winning_evidence":
        end_dispute(tx, dispute, "won")
    elif text == "losing_evidence":
        end_dispute(tx, dispute, "lost")
