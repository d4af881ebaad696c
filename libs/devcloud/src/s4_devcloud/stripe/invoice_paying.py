"""What happens when a person pays an invoice on its page.

Paid once is paid: every way in asks first whether the invoice is still owed, in the transaction that takes the money.
"""

from dataclasses import dataclass
from typing import Literal

from s4_devcloud.stripe.billing.collecting import NOT_AUTHENTICATED, Attempt, attempt, default_card, take
from s4_devcloud.stripe.billing.invoicing import COLLECTION, PAGE
from s4_devcloud.stripe.cards import Card
from s4_devcloud.stripe.resources.payment_intents import refuse
from s4_devcloud.stripe.resources.payment_methods import Payer, attach, collect
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire


@dataclass(frozen=True)
class Outcome:
    """Where a try to pay has led; `closed` means that nothing was owed any more."""

    state: Literal["paid", "authenticate", "declined", "closed"]
    message: str = ""


def invoice_behind(tx: Transaction, secret: str) -> Wire:
    """The invoice whose address has this secret. Raises Problem if there is none."""
    return tx.need("invoice", tx.need(PAGE, secret)["invoice"])


def is_owed(invoice: Wire) -> bool:
    """Whether the invoice can be paid."""
    return invoice["status"] in ("open", "uncollectible")


def card_on_file(tx: Transaction, invoice: Wire) -> Wire | None:
    """The card that one click would pay with."""
    name = default_card(tx, invoice)
    return None if name is None else tx.get("payment_method", name)


def pay_by_default(tx: Transaction, secret: str) -> Outcome:
    """Pay with the card on file."""
    invoice = invoice_behind(tx, secret)
    card = card_on_file(tx, invoice)
    if not is_owed(invoice):
        return Outcome("closed")
    if card is None:
        return Outcome("declined", "There is no card on file.")
    return _try(tx, invoice, card)


def pay_by_card(tx: Transaction, secret: str, card: Card, payer: Payer) -> Outcome:
    """Pay with a typed card. One that works is kept, and pays for the subscription from then on."""
    invoice = invoice_behind(tx, secret)
    if not is_owed(invoice):
        return Outcome("closed")
    return _try(tx, invoice, collect(tx, card, payer))


def authenticate(tx: Transaction, secret: str, *, passed: bool) -> Outcome:
    """Finish the try that waited for the cardholder."""
    invoice = invoice_behind(tx, secret)
    collection = tx.get(COLLECTION, invoice["id"])
    if collection is None or collection.get("awaiting") is None or not is_owed(invoice):
        return Outcome("closed")
    card = tx.need("payment_method", collection["awaiting"])
    tx.put({**collection, "awaiting": None})
    if not passed:
        refuse(tx, tx.need("payment_intent", collection["intent"]), card, NOT_AUTHENTICATED, charged=False)
        return Outcome("declined", NOT_AUTHENTICATED.message)
    return _done(tx, take(tx, invoice, card, authenticated=True), card)


def is_waiting(tx: Transaction, secret: str) -> bool:
    """Whether a bank waits for the cardholder."""
    collection = tx.get(COLLECTION, invoice_behind(tx, secret)["id"])
    return collection is not None and collection.get("awaiting") is not None


def _try(tx: Transaction, invoice: Wire, card: Wire) -> Outcome:
    tried = attempt(tx, invoice, card["id"], off_session=False, scheduled=False)
    if tried.result == "action":
        tx.put({**tx.need(COLLECTION, invoice["id"]), "awaiting": card["id"]})
        return Outcome("authenticate")
    if tried.decline is not None:
        return Outcome("declined", tried.decline.message)
    return _done(tx, tried, card)


def _done(tx: Transaction, tried: Attempt, card: Wire) -> Outcome:
    """Keep a card that paid and was nobody's yet; the subscription, if it lives, is paid with it from now on."""
    if card["customer"] is None:
        attach(tx, card, tried.invoice["customer"])
        subscription = tx.get("subscription", tried.invoice["parent"]["subscription_details"]["subscription"])
        if subscription is not None and subscription["ended_at"] is None:
            previous = {"default_payment_method": subscription["default_payment_method"]}
            changed = tx.put({**subscription, "default_payment_method": card["id"]})
            tx.tell("customer.subscription.updated", changed, previous)
    return Outcome("paid")
