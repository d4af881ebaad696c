"""What happens when a person pays on a checkout page.

A session that was paid once is never charged again: every way in asks first whether it is still open, in the same
transaction that takes the money.
"""

from dataclasses import dataclass
from typing import Literal

from s4_devcloud.stripe.cards import Card, Decline, decline_of, wants_cardholder
from s4_devcloud.stripe.resources import invoice_shape
from s4_devcloud.stripe.resources.customers import create_customer
from s4_devcloud.stripe.resources.payment_intents import create_intent, refuse, require_authentication, succeed
from s4_devcloud.stripe.resources.payment_methods import Payer, attach, collect
from s4_devcloud.stripe.resources.sessions import BEHIND
from s4_devcloud.stripe.resources.subscription_shape import new_subscription
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire

_NOT_AUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
)


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
    decline = decline_of(card.behaviour)
    if decline is not None:
        refuse(tx, intent, method, decline)
        behind["awaiting"] = None
        tx.put(behind)
        return Outcome("declined", decline.message)
    if wants_cardholder(card.behaviour):
        require_authentication(tx, intent, method)
        behind["awaiting"] = method["id"]
        tx.put(behind)
        return Outcome("authenticate")
    tx.put(behind)
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
        refuse(tx, intent, method, _NOT_AUTHENTICATED, charged=False)
        return Outcome("declined", _NOT_AUTHENTICATED.message)
    _complete(tx, session, behind, method, intent, authenticated=True)
    return Outcome("paid")


def is_waiting(tx: Transaction, session_id: str) -> bool:
    """Whether the session waits for the cardholder to authenticate."""
    return tx.need(BEHIND, session_id)["awaiting"] is not None


def _load(tx: Transaction, session_id: str) -> tuple[Wire, Wire]:
    return tx.need("checkout.session", session_id), tx.need(BEHIND, session_id)


def _intent(tx: Transaction, session: Wire, behind: Wire) -> Wire:
    """The session's payment intent; the first try makes it and later tries go on with it."""
    if behind["payment_intent"] is not None:
        return tx.need("payment_intent", behind["payment_intent"])
    intent = create_intent(tx, session["amount_total"], session["currency"], session["customer"])
    behind["payment_intent"] = intent["id"]
    return intent


def _complete(tx: Transaction, session: Wire, behind: Wire, method: Wire, intent: Wire, *, authenticated: bool) -> None:
    """Take the money, and only then start the subscription with its paid invoice."""
    customer = _customer(tx, session, behind, method)
    session["customer"] = intent["customer"] = customer["id"]
    attach(tx, method, customer["id"])
    intent = succeed(tx, intent, method, authenticated=authenticated)
    subscription = new_subscription(session, behind["lines"], method["id"], behind["subscription_data"], tx.now)
    invoice = invoice_shape.new_invoice(subscription, customer, behind["lines"], tx.now)
    subscription["latest_invoice"] = invoice["id"]
    tx.tell("customer.subscription.created", tx.put(subscription))
    _settle(tx, invoice, intent)
    tx.put({**customer, "next_invoice_sequence": customer["next_invoice_sequence"] + 1})
    session.update(
        customer_details=_details(customer, method),
        collected_information={"business_name": None, "individual_name": None, "shipping_details": None},
        consent=_consent(session, behind),
        invoice=invoice["id"],
        payment_status="paid",
        status="complete",
        subscription=subscription["id"],
        url=None,
    )
    if session["automatic_tax"]["enabled"]:
        session["automatic_tax"]["status"] = "complete"
    tx.tell("checkout.session.completed", tx.put(session))


def _settle(tx: Transaction, invoice: Wire, intent: Wire) -> None:
    tx.tell("invoice.created", {**invoice, "status": "draft", "number": None, "effective_at": None})
    tx.tell("invoice.finalized", invoice)
    paid = tx.put(invoice_shape.pay(invoice, tx.now))
    payment = tx.put(invoice_shape.new_invoice_payment(paid, intent, tx.now))
    tx.tell("invoice.paid", paid)
    tx.tell("invoice.payment_succeeded", paid)
    tx.tell("invoice_payment.paid", payment)


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
