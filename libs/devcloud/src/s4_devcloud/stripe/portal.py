"""What a customer does in the portal: each action is what the API would do, without a request behind it."""

from dataclasses import dataclass
from typing import Literal

from s4_devcloud.stripe.calls import Call
from s4_devcloud.stripe.cards import Card, decline_of, wants_cardholder
from s4_devcloud.stripe.resources import customers, invoice_previews, subscription_update, subscriptions
from s4_devcloud.stripe.resources.payment_methods import Payer, attach, collect
from s4_devcloud.stripe.resources.portal_sessions import BEHIND
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire

_UNSEEN_SECONDS = 5 * 60  # how long an address that nobody opened leads somewhere
_SEEN_SECONDS = 3600  # how long it does after it was first opened; ours, Stripe names no figure
_NOT_AUTHENTICATED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


@dataclass(frozen=True)
class Outcome:
    """What a try to add a card has led to."""

    state: Literal["added", "authenticate", "declined"]
    message: str = ""


def enter(tx: Transaction, secret: str) -> tuple[Wire, bool]:
    """The session behind an address, and whether the address still leads anywhere; the first look starts its hour.

    Raises Problem for an address that never led anywhere.
    """
    behind = tx.need(BEHIND, secret)
    session = tx.need("billing_portal.session", behind["session"])
    if behind["seen"] is None and tx.now < behind["created"] + _UNSEEN_SECONDS:
        behind["seen"] = tx.now
        tx.put(behind)
    return session, behind["seen"] is not None and tx.now < behind["seen"] + _SEEN_SECONDS


def add_card(tx: Transaction, secret: str, card: Card, payer: Payer) -> Outcome:
    """Try to make a card the one that the customer's invoices are paid with."""
    decline = decline_of(card.behaviour)
    if decline is not None and card.behaviour != "decline_after_attach":
        return Outcome("declined", decline.message)
    method = collect(tx, card, payer)
    if wants_cardholder(card.behaviour):
        tx.put({**tx.need(BEHIND, secret), "awaiting": method["id"]})
        return Outcome("authenticate")
    _make_default(tx, secret, method)
    return Outcome("added")


def authenticate(tx: Transaction, secret: str, *, passed: bool) -> Outcome:
    """Finish the try that waited for the cardholder."""
    behind = tx.need(BEHIND, secret)
    method = tx.need("payment_method", behind["awaiting"])
    tx.put({**behind, "awaiting": None})
    if not passed:
        return Outcome("declined", _NOT_AUTHENTICATED)
    _make_default(tx, secret, method)
    return Outcome("added")


def is_waiting(tx: Transaction, secret: str) -> bool:
    """Whether a bank waits for the cardholder."""
    return tx.need(BEHIND, secret)["awaiting"] is not None


def finish(tx: Transaction, secret: str) -> None:
    """The session's flow is done."""
    tx.put({**tx.need(BEHIND, secret), "done": True})


def is_done(tx: Transaction, secret: str) -> bool:
    """Whether the session's flow was finished."""
    return bool(tx.need(BEHIND, secret)["done"])


def cancel(tx: Transaction, subscription: Wire, mode: str, feedback: str | None, comment: str | None) -> None:
    """End the subscription now or at its period's end. The latter sets `cancel_at`, as flexible billing does."""
    told = {"feedback": feedback, "comment": comment}
    details = {name: value for name, value in told.items() if value}
    if mode == "immediately":
        subscriptions.cancel(_about(tx, subscription, cancellation_details=details))
    else:
        subscription_update.update(_about(tx, subscription, cancel_at="max_period_end", cancellation_details=details))


def take_back(tx: Transaction, subscription: Wire) -> None:
    """Let the subscription go on after all."""
    if subscription["cancel_at_period_end"]:
        subscription_update.update(_about(tx, subscription, cancel_at_period_end=False))
    else:
        subscription_update.update(_about(tx, subscription, cancel_at=""))


def preview(tx: Transaction, subscription: Wire, item: Wire, features: Wire, at: int) -> Wire:
    """The invoice to which another price for the subscription's item would lead."""
    details = {**_change(subscription, item, features), "proration_date": at}
    asked = {"subscription": subscription["id"], "subscription_details": details}
    return invoice_previews.create_preview(Call(tx, asked, {}, ""))


def change(tx: Transaction, subscription: Wire, item: Wire, features: Wire, at: int) -> None:
    """Another price for the subscription's item. Raises CardProblem, and nothing has changed, if it cannot be paid."""
    asked = {**_change(subscription, item, features), "proration_date": at}
    subscription_update.update(_about(tx, subscription, **asked, payment_behavior="error_if_incomplete"))


def _change(subscription: Wire, item: Wire, features: Wire) -> Wire:
    ends_trial = {"trial_end": "now"} if subscription["status"] == "trialing" else {}
    behavior = features["subscription_update"]["proration_behavior"]
    return {"items": [{"id": item["id"], "price": item["price"]}], "proration_behavior": behavior, **ends_trial}


def pay_with(tx: Transaction, subscription: Wire, method: Wire) -> None:
    """Let the subscription be paid with a card that the customer already has."""
    subscription_update.update(_about(tx, subscription, default_payment_method=method["id"]))


def _make_default(tx: Transaction, secret: str, method: Wire) -> None:
    """Give the card to the customer as the default; what a subscription has of its own stays, as at Stripe."""
    session = tx.need("billing_portal.session", tx.need(BEHIND, secret)["session"])
    attach(tx, method, session["customer"])
    settings = {"invoice_settings": {"default_payment_method": method["id"]}}
    customers.update(Call(tx, settings, {"customer": session["customer"]}, ""))


def _about(tx: Transaction, subscription: Wire, **params: object) -> Call:
    return Call(tx, params, {"subscription": subscription["id"]}, "")
