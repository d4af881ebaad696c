"""Other items in the middle of a subscription: what becomes of it, and what that costs."""

from dataclasses import dataclass

from s4_devcloud.stripe.billing import item_changes, pending_items, pending_updates
from s4_devcloud.stripe.billing.collecting import Attempt, attempt
from s4_devcloud.stripe.billing.invoicing import draft, finalize
from s4_devcloud.stripe.billing.lines import period_line
from s4_devcloud.stripe.billing.prorations import charge, credit
from s4_devcloud.stripe.problems import invalid
from s4_devcloud.stripe.resources.invoice_shape import Bill
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire


@dataclass(frozen=True)
class Asked:
    """A change as it was asked for, in the words of Stripe's parameters."""

    items: list[Wire]
    proration_behavior: str = "create_prorations"
    proration_date: int | None = None
    anchor_now: bool = False
    end_trial: bool = False


@dataclass(frozen=True)
class Planned:
    """The fields of the subscription that would change, the lines it would cost, and whether they are due at once."""

    fields: Wire
    lines: list[Wire]
    invoiced_now: bool


def plan(tx: Transaction, subscription: Wire, asked: Asked) -> Planned:
    """What the change would do. Raises Problem for one that cannot be."""
    at = _moment(tx, subscription, asked)
    kept = item_changes.apply(tx, subscription, asked.items)
    in_trial = subscription["status"] == "trialing" and not asked.end_trial
    restarts = not in_trial and (asked.anchor_now or asked.end_trial or any(pair.restarts for pair in kept))
    if restarts:
        kept = [pair.begun(tx.now) for pair in kept]
    fields: Wire = {"items": {**subscription["items"], "data": [pair.after for pair in kept if pair.after is not None]}}
    if restarts:
        fields["billing_cycle_anchor"] = tx.now
    if asked.end_trial:
        fields |= {"trial_end": tx.now, "status": "active"}
    lines: list[Wire] = []
    for pair in kept if not in_trial else []:
        if pair.before == pair.after:
            continue
        was_paid = pair.before is not None and subscription["status"] != "trialing"
        if was_paid and pair.before is not None and asked.proration_behavior != "none":
            lines.append(credit(tx, pair.before, at))
        if pair.after is not None and (restarts or asked.proration_behavior != "none"):
            begins = restarts or (pair.before is None and pair.after["current_period_start"] == tx.now)
            lines.append(period_line(tx, pair.after) if begins else charge(tx, pair.after, at))
    return Planned(fields, lines, invoiced_now=restarts or asked.proration_behavior == "always_invoice")


def bill(tx: Transaction, subscription: Wire, planned: Planned) -> Bill:
    """What the immediate invoice of the change is about."""
    lines = planned.lines + pending_items.lines(tx, subscription)
    return Bill(lines, "subscription_update", {"start": tx.now, "end": tx.now})


def invoice_now(
    tx: Transaction, subscription: Wire, planned: Planned, *, off_session: bool, applied_when_paid: bool = False
) -> Attempt:
    """The change's invoice after the first try to collect it. What waits for its payment is not dunned for."""
    invoice = draft(tx, subscription, bill(tx, subscription, planned))
    pending_items.bind(tx, invoice)
    tx.put(subscription)
    if applied_when_paid:
        pending_updates.await_payment(tx, invoice, planned.fields)
    invoice = finalize(tx, {**invoice, "auto_advance": not applied_when_paid})
    if invoice["status"] == "paid":
        return Attempt("paid", invoice)
    return attempt(tx, invoice, off_session=off_session)


def _moment(tx: Transaction, subscription: Wire, asked: Asked) -> int:
    """From when on the change counts. It lies in the current period of every item."""
    at = tx.now if asked.proration_date is None else asked.proration_date
    for item in subscription["items"]["data"]:
        if not item["current_period_start"] <= at <= item["current_period_end"]:
            raise invalid(
                "`proration_date` must be within the current billing period of the subscription.", "proration_date"
            )
    return at
