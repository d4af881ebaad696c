"""A changed plan made true: at once, or when it is paid."""

from dataclasses import dataclass

from s4_devcloud.stripe.billing import pending_items, pending_updates, reminders
from s4_devcloud.stripe.billing.collecting import Attempt
from s4_devcloud.stripe.billing.endings import drop_pending
from s4_devcloud.stripe.billing.plan_changes import Asked, Planned, invoice_now, plan
from s4_devcloud.stripe.periods import end_of_period
from s4_devcloud.stripe.problems import CardProblem
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire


@dataclass(frozen=True)
class Terms:
    """What happens when the change is not paid: Stripe's payment_behavior. And whether its holder is at hand."""

    payment_behavior: str = "allow_incomplete"
    off_session: bool = False


def change(tx: Transaction, subscription: Wire, asked: Asked, terms: Terms, previous: Wire) -> Wire:
    """The subscription after the change, or with it pending. `previous` are fields that this request changed already.

    Raises CardProblem, and nothing has changed, when it must be paid and is not.
    """
    drop_pending(tx, subscription)
    planned = plan(tx, subscription, asked)
    if planned.invoiced_now and planned.lines and terms.payment_behavior == "pending_if_incomplete":
        return _change_when_paid(tx, subscription, planned, terms)
    previous |= {name: subscription[name] for name, value in planned.fields.items() if subscription[name] != value}
    before = subscription["latest_invoice"]
    subscription.update(planned.fields)
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = end_of_period(subscription)
    tx.put(subscription)
    result = None
    if planned.invoiced_now and planned.lines:
        result = invoice_now(tx, subscription, planned, off_session=terms.off_session)
    else:
        for line in planned.lines:
            pending_items.add(tx, subscription["customer"], line)
    if result is not None and result.result != "paid" and terms.payment_behavior == "error_if_incomplete":
        raise card_problem(result)
    changed = tx.need("subscription", subscription["id"])
    if changed["latest_invoice"] != before:
        previous["latest_invoice"] = before
    if previous:
        tx.tell("customer.subscription.updated", changed, previous)
    if "billing_cycle_anchor" in planned.fields:
        reminders.plan(tx, changed)
    return changed


def _change_when_paid(tx: Transaction, subscription: Wire, planned: Planned, terms: Terms) -> Wire:
    name, before = subscription["id"], subscription["latest_invoice"]
    result = invoice_now(tx, subscription, planned, off_session=terms.off_session, applied_when_paid=True)
    changed = tx.need("subscription", name)
    if result.result != "paid":
        pending_updates.show(changed, planned.fields, tx.now)
        previous = {"latest_invoice": before, "pending_update": None}
        tx.tell("customer.subscription.updated", tx.put(changed), previous)
    elif "billing_cycle_anchor" in planned.fields:
        reminders.plan(tx, changed)
    return changed


def card_problem(result: Attempt) -> CardProblem:
    """Why a subscription was not changed."""
    if result.decline is not None:
        return CardProblem(result.decline.message, result.decline.code, result.decline.decline_code)
    if result.result == "action":
        return CardProblem(
            "This payment required an authentication action, so the subscription was not changed.",
            "subscription_payment_intent_requires_action",
        )
    return CardProblem("This customer has no default payment method.", "resource_missing")
