"""What happens when a person pays on a checkout page.

A session that was paid once is never charged again: every way in asks first whether it is still open, in the same
transaction that takes the money.
"""

from dataclasses import dataclass
from typing import Literal

from s4_devcloud.stripe.billing import pricing
from s4_devcloud.stripe.billing.beginning import begin
from s4_devcloud.stripe.billing.collecting import NOT_AUTHENTICATED
from s4_devcloud.stripe.cards import Behaviour, Card, Decline, decline_of, wants_cardholder
from s4_devcloud.stripe.resources.customers import create_customer
from s4_devcloud.stripe.resources.payment_intents import create_intent, refuse, require_authentication, succeed
from s4_devcloud.stripe.resources.payment_methods import Payer, attach, collect
from s4_devcloud.stripe.resources.sessions import BEHIND
from s4_devcloud.stripe.resources.subscription_shape import Wanted
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire


@dataclass(frozen=True)
class Outcome:
    """Where a try to pay has led; `closed` means that the session was no longer open."""

    state: Literal["paid", "authenticate", "declined", "closed"]
    message: str = ""


def pay(tx: Transaction, session_id: str, card: Card, payer: Payer, *, consented: bool) -> Outcome:
    """Try to pay an open session with a card."""
    session, behind = _load(tx, session_id)
    if session["status"] != "open":
        return Outcome("closed")
    method = collect(tx, card, payer)
    intent = _intent(tx, session, behind)
    behind["consented"] = consented
    decline = _refusal(card.behaviour, charged=intent is not None)
    if decline is not None:
        if intent is not None:
            refuse(tx, intent, method, decline)
        behind["awaiting"] = None
        tx.put(behind)
        return Outcome("declined", decline.message)
    if wants_cardholder(card.behaviour):
        if intent is not None:
            require_authentication(tx, intent, method)
        behind["awaiting"] = method["id"]
        tx.put(behind)
        return Outcome("authenticate")
    _complete(tx, session, behind, method, intent, authenticated=False)
    return Outcome("paid")


def authenticate(tx: Transaction, session_id: str, *, passed: bool) -> Outcome:
    """Finish the try that waited for the cardholder."""
    session, behind = _load(tx, session_id)
    if session["status"] != "open" or behind["awaiting"] is None:
        return Outcome("closed")
    method = tx.need("payment_method", behind["awaiting"])
    intent = _intent(tx, session, behind)
    behind["awaiting"] = None
    tx.put(behind)
    if not passed:
        if intent is not None:
            refuse(tx, intent, method, NOT_AUTHENTICATED, charged=False)
        return Outcome("declined", NOT_AUTHENTICATED.message)
    _complete(tx, session, behind, method, intent, authenticated=True)
    return Outcome("paid")


def is_waiting(tx: Transaction, session_id: str) -> bool:
    """Whether the session waits for the cardholder to authenticate."""
    return tx.need(BEHIND, session_id)["awaiting"] is not None


def _load(tx: Transaction, session_id: str) -> tuple[Wire, Wire]:
    return tx.need("checkout.session", session_id), tx.need(BEHIND, session_id)


def _refusal(behaviour: Behaviour, *, charged: bool) -> Decline | None:
    """Whether the card is refused; one that is only kept for later need not be good for a charge."""
    return None if behaviour == "decline_after_attach" and not charged else decline_of(behaviour)


def _intent(tx: Transaction, session: Wire, behind: Wire) -> Wire | None:
    """The session's payment intent, made at the first try and used by later ones. None if nothing is due now."""
    due = pricing.due_now(tx, session, behind)
    if due == 0:
        return None
    if behind["payment_intent"] is not None:
        return {**tx.need("payment_intent", behind["payment_intent"]), "amount": due}
    intent = create_intent(tx, due, session["currency"], session["customer"])
    behind["payment_intent"] = intent["id"]
    return intent


def _complete(
    tx: Transaction, session: Wire, behind: Wire, method: Wire, intent: Wire | None, *, authenticated: bool
) -> None:
    """Take the money, and only then start the subscription with its paid invoice."""
    priced = pricing.of_session(tx, session, behind)
    customer = _customer(tx, session, behind, method)
    session["customer"] = customer["id"]
    attach(tx, method, customer["id"])
    if intent is not None:
        intent = succeed(tx, {**intent, "customer": customer["id"]}, method, authenticated=authenticated)
    data = behind["subscription_data"]
    wanted = Wanted(
        customer=customer["id"],
        currency=session["currency"],
        lines=behind["lines"],
        method=method["id"],
        automatic_tax=session["automatic_tax"]["enabled"],
        description=data["description"],
        metadata=data["metadata"],
        trial_end=pricing.trial_end(behind, tx.now),
    )
    subscription = begin(tx, wanted, intent)
    tx.put({**behind, "lines": priced.lines})
    session.update(
        amount_total=priced.total,
        customer_details=_details(customer, method),
        collected_information={"business_name": None, "individual_name": None, "shipping_details": None},
        consent=_consent(session, behind),
        invoice=subscription["latest_invoice"],
        payment_status="no_payment_required" if pricing.trial_end(behind, tx.now) else "paid",
        status="complete",
        subscription=subscription["id"],
        total_details={**session["total_details"], "amount_tax": priced.tax},
        url=None,
    )
    if session["automatic_tax"]["enabled"]:
        session["automatic_tax"]["status"] = "complete"
    tx.tell("checkout.session.completed", tx.put(session))


def _customer(tx: Transaction, session: Wire, behind: Wire, method: Wire) -> Wire:
    """The session's customer with what Checkout was allowed to write onto it; a new one if the session has none."""
    billing = method["billing_details"]
    if session["customer"] is None:
        given = {"address": billing["address"], "email": billing["email"], "name": billing["name"]}
        return create_customer(tx, given)
    customer = tx.need("customer", session["customer"])
    automatic = [name for name in ("address", "name") if behind["customer_update"].get(name) == "auto"]
    previous = {name: customer[name] for name in automatic if customer[name] != billing[name]}
    customer["currency"] = session["currency"]
    if previous:
        customer.update({name: billing[name] for name in automatic})
        tx.tell("customer.updated", customer, previous)
    return tx.put(customer)


def _details(customer: Wire, method: Wire) -> Wire:
    billing = method["billing_details"]
    return {
        "address": billing["address"],
        "business_name": None,
        "email": customer["email"] or billing["email"],
        "individual_name": None,
        "name": billing["name"],
        "phone": None,
        "tax_exempt": customer["tax_exempt"],
        "tax_ids": [],
    }


def _consent(session: Wire, behind: Wire) -> Wire | None:
    if session["consent_collection"] is None:
        return None
    return {"promotions": None, "terms_of_service": "accepted" if behind["consented"] else None}
