"""What our rows of an account shall say after a look at Stripe. Pure: nothing is asked and nothing is written here."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType

import msgspec

from s4_billing.books import Books, Surprise
from s4_billing.derive import Around, Contest, Derived, Known, Policy, State, subscription_state
from s4_billing.duplicates import superfluous
from s4_billing.follow_money import dispute_rows, invoice_rows, refund_rows
from s4_billing.look import Look
from s4_billing.store import SubscriptionRow
from s4_runtime import derived_id
from s4_stripe.facts import Subscription

FRAUD = "fraudulent"  # docs.stripe.com/disputes/categories
_SURPRISES: Mapping[str, str] = MappingProxyType({"unknown_status": "status", "unexpected": "transition"})


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What else decides: the policy, and what we know of plans, checkouts and our own commands."""

    policy: Policy
    plan_of: Callable[[str | None], str | None]  # by the lookup key of a price
    checkouts: frozenset[str] = frozenset()  # the account's, by which something can have been bought
    refused: frozenset[str] = frozenset()  # refunds that Stripe did not take


def follow(before: Books, look: Look, now: datetime, rules: Rules) -> Books:
    """The rows as they shall be. What Stripe does not show any more stays as it was, but subscriptions have ended."""
    invoices = {**before.invoices, **invoice_rows(look)}
    disputes = {**before.disputes, **dispute_rows(look, before.disputes, invoices)}
    refunds = refund_rows(look, before.refunds, invoices, rules.refused)
    money = Books(invoices=invoices, disputes=disputes)
    rows = {name: _gone(row, now, rules.policy) for name, row in before.subscriptions.items()}
    surprises = []
    for fact in look.subscriptions:
        known = before.subscriptions.get(fact.id)
        derived = subscription_state(now, fact, _known(known), rules.policy, _around(fact, look, money, rules))
        row = rows[fact.id] = _row(known, fact, derived, rules.checkouts)
        surprises += [Surprise(_SURPRISES[name], row) for name in _SURPRISES if getattr(derived, name)]
    created = {fact.id: fact.created for fact in look.subscriptions}
    twice = superfluous(rows, before.subscriptions, created)
    marked = {name: _marked(row) if name in twice else row for name, row in rows.items()}
    return Books(
        subscriptions=dict(_counted(before, marked)),
        invoices=invoices,
        refunds=refunds,
        disputes=disputes,
        surprises=[each for each in surprises if each.row != before.subscriptions.get(each.row.stripe_subscription_id)],
    )


def _around(fact: Subscription, look: Look, money: Books, rules: Rules) -> Around:
    about = money.disputes_of(fact.id)
    return Around(
        invoices=[bill for bill in look.invoices if bill.subscription == fact.id],
        contests=[Contest(row.is_open, row.kind == "dispute" and row.reason == FRAUD) for row in about],
        plan=rules.plan_of(next((item.price.lookup_key for item in fact.items.data), None)),
        to_confirm=look.to_confirm,
    )


def _known(row: SubscriptionRow | None) -> Known | None:
    if row is None:
        return None
    return Known(row.state, row.ever_paid, row.duplicate, row.ended_at, row.suspended_for, row.delete_after)


def _row(
    known: SubscriptionRow | None, fact: Subscription, derived: Derived, checkouts: frozenset[str]
) -> SubscriptionRow:
    said = {name: value for name, value in msgspec.structs.asdict(derived).items() if name not in _SURPRISES}
    said["plan"] = derived.plan or (known.plan if known else None)
    said["stripe_status"] = fact.status
    if known is not None:
        return msgspec.structs.replace(known, **said)
    named = fact.metadata.get("checkout_id", "")
    return SubscriptionRow(
        id=derived_id("subscription", fact.id),
        stripe_subscription_id=fact.id,
        checkout_id=named if named in checkouts else None,
        duplicate=derived.end_reason == "duplicate",
        **said,
    )


def _marked(row: SubscriptionRow) -> SubscriptionRow:
    """A subscription that should never have been."""
    if row.state is State.ENDED:
        return msgspec.structs.replace(row, duplicate=True, end_reason="duplicate", delete_after=row.ended_at)
    return msgspec.structs.replace(row, duplicate=True)


def _gone(row: SubscriptionRow, now: datetime, policy: Policy) -> SubscriptionRow:
    """A subscription that Stripe does not have any more (its customer was deleted) has ended."""
    if row.state is State.ENDED:
        return msgspec.structs.replace(row, review_at=None)
    return msgspec.structs.replace(
        row,
        state=State.ENDED,
        stripe_status="(gone)",
        ended_at=now,
        end_reason="duplicate" if row.duplicate else "other",
        delete_after=now if row.duplicate else now + policy.retention,
        failing_invoice=None,
        attempts=0,
        next_attempt_at=None,
        suspends_at=None,
        must_confirm=False,
        suspended_for=None,
        pending_plan=None,
        pending_plan_at=None,
        review_at=None,
    )


def _counted(before: Books, rows: Mapping[str, SubscriptionRow]) -> Iterator[tuple[str, SubscriptionRow]]:
    """The rows with a new revision if they changed."""
    for name, row in rows.items():
        known = before.subscriptions.get(name)
        changed = known is not None and row != known
        yield name, msgspec.structs.replace(row, revision=row.revision + 1) if changed else row
