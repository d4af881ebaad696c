"""One try to collect an invoice from a card."""

from dataclasses import dataclass
from typing import Literal

from s4_devcloud.stripe.billing import dunning
from s4_devcloud.stripe.billing.invoicing import COLLECTION
from s4_devcloud.stripe.billing.settling import settle
from s4_devcloud.stripe.cards import Decline, decline_of, wants_cardholder
from s4_devcloud.stripe.problems import invalid
from s4_devcloud.stripe.resources.payment_intents import refuse, require_authentication, succeed
from s4_devcloud.stripe.resources.payment_methods import behaviour_of
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire

NOT_AUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
)


@dataclass(frozen=True)
class Attempt:
    """Where a try has led, with the objects that show it."""

    result: Literal["paid", "declined", "action", "no_card"]
    invoice: Wire
    intent: Wire | None = None
    decline: Decline | None = None


def attempt(
    tx: Transaction, invoice: Wire, method: str | None = None, *, off_session: bool = True, scheduled: bool = True
) -> Attempt:
    """Charge the card, or the default one, for what is owed. A failure has its consequences for the subscription.

    `scheduled` tries count; beside the first try, those that somebody makes by hand do not move the next one.
    """
    intent = tx.need("payment_intent", tx.need(COLLECTION, invoice["id"])["intent"])
    counts = scheduled or invoice["attempt_count"] == 0
    invoice.update(attempted=True, attempt_count=invoice["attempt_count"] + counts)
    name = method or default_card(tx, invoice)
    card = None if name is None else tx.need("payment_method", name, "payment_method", 400)
    if card is None:
        dunning.failed(tx, invoice, reschedule=counts)
        return Attempt("no_card", invoice, intent)
    behaviour = behaviour_of(tx, card)
    decline = decline_of(behaviour)
    if decline is not None:
        refuse(tx, intent, card, decline)
        dunning.failed(tx, invoice, reschedule=counts)
        return Attempt("declined", invoice, intent, decline)
    if wants_cardholder(behaviour, off_session=off_session):
        require_authentication(tx, intent, card)
        tx.tell("invoice.payment_action_required", invoice)
        dunning.failed(tx, invoice, reschedule=counts)
        return Attempt("action", invoice, intent)
    return take(tx, invoice, card, authenticated=False)


def take(tx: Transaction, invoice: Wire, card: Wire, *, authenticated: bool) -> Attempt:
    """The issuer accepts: the invoice is paid."""
    collection = tx.need(COLLECTION, invoice["id"])
    intent = tx.need("payment_intent", collection["intent"])
    intent = succeed(tx, intent, card, authenticated=authenticated)
    invoice = settle(tx, invoice, tx.need("invoice_payment", collection["payment"]))
    return Attempt("paid", invoice, intent)


def default_card(tx: Transaction, invoice: Wire) -> str | None:
    """The card that an invoice is collected from: its own, its subscription's, its customer's, if still attached."""
    subscription = tx.get("subscription", invoice["parent"]["subscription_details"]["subscription"]) or {}
    customer = tx.need("customer", invoice["customer"])
    choices = (
        invoice["default_payment_method"],
        subscription.get("default_payment_method"),
        customer["invoice_settings"]["default_payment_method"],
    )
    return next((str(name) for name in choices if name is not None and _belongs(tx, name, invoice["customer"])), None)


def _belongs(tx: Transaction, name: str, customer: str) -> bool:
    """Whether the card is still attached to the customer."""
    card = tx.get("payment_method", name)
    return card is not None and card["customer"] == customer


def own_card(tx: Transaction, name: str, customer: str, param: str = "default_payment_method") -> Wire:
    """The payment method. Raises Problem unless it is attached to this customer."""
    card = tx.need("payment_method", name, param, 400)
    if card["customer"] != customer:
        raise invalid(
            f"The customer does not have a payment method with the ID {name}. "
            "The payment method must be attached to the customer.",
            param,
            "resource_missing",
        )
    return card
