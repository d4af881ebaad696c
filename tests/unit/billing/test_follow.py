"""From a look at Stripe to all rows of an account, and what we want done because of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4_billing.books import Books
from s4_billing.derive import CheckoutState, Policy, State
from s4_billing.follow import Rules, follow
from s4_billing.look import Look
from s4_billing.money import RefundRow
from s4_billing.news import Shop, news
from s4_billing.store import Checkout, SubscriptionRow
from s4_billing.wanted import wanted
from s4_contracts.billing import SignupPaid
from s4_stripe.facts import (
    Charge,
    ForSubscription,
    FraudWarning,
    Invoice,
    InvoicePayment,
    InvoicePayments,
    Item,
    Items,
    PaidBy,
    Parent,
    Price,
    Refund,
    Subscription,
)
from support import stripe_facts

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NOON = int(NOW.timestamp())
RULES = Rules(
    policy=Policy(), plan_of=lambda key: "personal" if key == "key" else None, checkouts=frozenset({"co-1", "co-2"})
)
NAMES = ("1", "2", "3")


def subscription(name: str = "1", status: str = "active", **changes: Any) -> Subscription:
    item = Item(Price("price_1", "usd", lookup_key="key"), NOON + 1000)
    fact = Subscription(
        id=f"sub_{name}", status=status, created=NOON, items=Items([item]), metadata={"checkout_id": f"co-{name}"}
    )
    return msgspec.structs.replace(fact, **changes)


def bill(name: str = "1", status: str = "paid") -> Invoice:
    return Invoice(
        id=f"in_{name}",
        status=status,
        created=NOON,
        billing_reason="subscription_create",
        currency="usd",
        amount_paid=2500,
        parent=Parent(ForSubscription(f"sub_{name}")),
        payments=InvoicePayments([InvoicePayment("inpay_1", "paid", PaidBy(payment_intent=f"pi_{name}"))]),
    )


def charge(name: str = "1", **changes: Any) -> Charge:
    made = Charge(id=f"ch_{name}", status="succeeded", amount=2500, currency="usd", created=NOON)
    return msgspec.structs.replace(made, **{"payment_intent": f"pi_{name}", **changes})


def a_look(*names: str, **changes: Any) -> Look:
    """At subscriptions that are active and paid."""
    look = Look(
        tick=1,
        stripe_customer_id="cus_1",
        subscriptions=[subscription(name, created=NOON + int(name)) for name in names],
        invoices=[bill(name) for name in names],
        charges=[charge(name) for name in names],
    )
    return msgspec.structs.replace(look, **changes)


def rows_of(books: Books) -> dict[str, SubscriptionRow]:
    return {name.removeprefix("sub_"): row for name, row in books.subscriptions.items()}


def test_a_look_becomes_rows_with_ids_of_our_own() -> None:
    books = follow(Books(), a_look("1"), NOW, RULES)
    (row,), (paid,) = books.subscriptions.values(), books.invoices.values()
    assert (row.checkout_id, row.plan, row.state, row.ever_paid, row.revision) == (
        "co-1",
        "personal",
        State.ACTIVE,
        True,
        1,
    )
    assert (paid.amount_paid, paid.stripe_charge_id, paid.stripe_subscription_id) == (2500, "ch_1", "sub_1")
    assert not {row.id, paid.id} & {"sub_1", "in_1"}


def test_looking_again_changes_nothing_and_a_change_raises_the_revision() -> None:
    once = follow(Books(), a_look("1"), NOW, RULES)
    assert follow(once, a_look("1"), NOW + timedelta(days=1), RULES) == once
    leaving = a_look("1", subscriptions=[subscription("1", cancel_at=NOON + 500)])
    assert rows_of(follow(once, leaving, NOW, RULES))["1"].revision == 2


def test_what_was_bought_elsewhere_or_for_a_plan_of_old_has_a_row_without_them() -> None:
    fact = subscription("1", metadata={"checkout_id": "co-9"}, items=Items([]))
    row = rows_of(follow(Books(), a_look("1", subscriptions=[fact]), NOW, RULES))["1"]
    assert (row.checkout_id, row.plan) == (None, None)


def test_what_stripe_does_not_have_any_more_has_ended() -> None:
    before = follow(Books(), a_look("1"), NOW, RULES)
    after = follow(before, Look(tick=2, stripe_customer_id="cus_1"), NOW, RULES)
    row = rows_of(after)["1"]
    assert (row.state, row.end_reason, row.ended_at, row.stripe_status) == (State.ENDED, "other", NOW, "(gone)")
    assert row.delete_after == NOW + RULES.policy.retention
    assert after.invoices == before.invoices
    later = follow(after, Look(tick=3, stripe_customer_id="cus_1"), NOW + timedelta(days=1), RULES)
    assert later == after


@pytest.mark.parametrize(
    ("before", "look", "kept"),
    [
        ((), ("1", "2"), "1"),
        (("2",), ("1", "2"), "2"),
        (("1",), ("1", "2", "3"), "1"),
    ],
)
def test_of_several_the_one_that_was_told_is_kept_else_the_elder(
    before: tuple[str, ...], look: tuple[str, ...], kept: str
) -> None:
    books = follow(Books(), a_look(*before), NOW, RULES) if before else Books()
    rows = rows_of(follow(books, a_look(*look), NOW, RULES))
    assert [name for name, row in rows.items() if not row.duplicate] == [kept]


def test_the_one_that_was_paid_is_kept_before_an_elder_that_was_not() -> None:
    look = a_look("1", "2", invoices=[bill("1", "open"), bill("2")])
    rows = rows_of(follow(Books(), look, NOW, RULES))
    assert (rows["1"].duplicate, rows["2"].duplicate) == (True, False)


def test_once_a_duplicate_always_a_duplicate() -> None:
    both = follow(Books(), a_look("1", "2"), NOW, RULES)
    look = a_look("1", "2", subscriptions=[subscription("1", "canceled"), subscription("2")])
    rows = rows_of(follow(both, look, NOW, RULES))
    assert (rows["1"].duplicate, rows["2"].duplicate) == (False, True)


def test_what_ended_and_should_never_have_been_says_so_from_the_first_look() -> None:
    twins = [subscription("1", "canceled"), subscription("2", metadata={"checkout_id": "co-1"})]
    look = a_look("1", "2", subscriptions=twins)
    books = follow(Books(), look, NOW, RULES)
    row = rows_of(books)["1"]
    assert (row.duplicate, row.end_reason, row.delete_after) == (True, "duplicate", row.ended_at)
    assert follow(books, look, NOW, RULES) == books


def test_the_next_subscription_of_who_has_left_is_no_duplicate() -> None:
    look = a_look("1", "2", subscriptions=[subscription("1", "canceled"), subscription("2")])
    assert not any(row.duplicate for row in rows_of(follow(Books(), look, NOW, RULES)).values())


def test_a_status_and_a_jump_that_nobody_expected_are_reported_once() -> None:
    ended = follow(Books(), a_look("1", subscriptions=[subscription("1", "canceled")]), NOW, RULES)
    back = follow(ended, a_look("1"), NOW, RULES)
    strange = follow(back, a_look("1", subscriptions=[subscription("1", "frozen")]), NOW, RULES)
    again = follow(strange, a_look("1", subscriptions=[subscription("1", "frozen")]), NOW, RULES)
    told = [[each.fact for each in books.surprises] for books in (ended, back, strange, again)]
    assert told == [[], ["transition"], ["status"], []]


def test_our_own_refund_is_recognised_and_a_refused_one_has_failed() -> None:
    ours = RefundRow(
        id="refund-1",
        stripe_refund_id=None,
        stripe_invoice_id="in_1",
        stripe_charge_id="ch_1",
        amount=700,
        currency="usd",
        reason="goodwill",
        state="wanted",
        created_at=NOW,
    )
    before = msgspec.structs.replace(follow(Books(), a_look("1"), NOW, RULES), refunds={"refund-1": ours})
    fact = Refund(id="re_1", status="succeeded", amount=700, currency="usd", created=NOON, charge="ch_1")
    fact = msgspec.structs.replace(fact, metadata={"refund_id": "refund-1"})
    (seen,) = follow(before, a_look("1", refunds=[fact]), NOW, RULES).refunds.values()
    assert (seen.id, seen.stripe_refund_id, seen.state, seen.reason) == ("refund-1", "re_1", "succeeded", "goodwill")
    refused = msgspec.structs.replace(RULES, refused=frozenset({"refund-1"}))
    (failed,) = follow(before, a_look("1"), NOW, refused).refunds.values()
    assert failed.state == "failed"


def test_a_warning_of_fraud_is_open_while_something_can_be_done() -> None:
    warning = FraudWarning(id="issfr_1", actionable=True, charge="ch_1", created=NOON, fraud_type="misc")
    before = follow(Books(), a_look("1", warnings=[warning]), NOW, RULES)
    assert rows_of(before)["1"].disputed
    over = msgspec.structs.replace(warning, actionable=False)
    after = follow(before, a_look("1", warnings=[over]), NOW, RULES)
    assert not rows_of(after)["1"].disputed
    assert follow(after, a_look("1"), NOW, RULES) == after


@pytest.mark.parametrize(
    ("look", "failed", "kinds", "amounts"),
    [
        (a_look("1"), set(), [], []),
        (a_look("1"), {"co-2"}, [], []),
        (a_look("1"), {"co-1"}, ["subscription.cancel", "refund.create"], [2500]),
        (
            a_look("1", charges=[charge("1", amount_refunded=700)]),
            {"co-1"},
            ["subscription.cancel", "refund.create"],
            [1800],
        ),
        (a_look("1", charges=[charge("1", amount_refunded=2500)]), {"co-1"}, ["subscription.cancel"], []),
        (
            a_look(
                "1",
                refunds=[Refund(id="re_1", status="pending", amount=700, currency="usd", created=NOON, charge="ch_1")],
            ),
            {"co-1"},
            ["subscription.cancel", "refund.create"],
            [1800],
        ),
        (a_look("1", charges=[charge("1", status="failed")]), {"co-1"}, ["subscription.cancel"], []),
        (a_look("1", subscriptions=[subscription("1", "canceled")]), {"co-1"}, ["refund.create"], [2500]),
        (a_look("1", "2"), set(), ["subscription.cancel", "refund.create"], [2500]),
        (a_look("1", "2"), {"co-1", "co-2"}, ["subscription.cancel", "refund.create"] * 2, [2500, 2500]),
    ],
)
def test_what_must_not_be_charged_ends_and_its_money_goes_back(
    look: Look, failed: set[str], kinds: list[str], amounts: list[int]
) -> None:
    books = follow(Books(), look, NOW, RULES)
    found = wanted(books, look, "account-1", frozenset(failed), NOW)
    assert [intent.kind for intent in found.intents] == kinds
    assert [row.amount for row in found.refunds.values()] == amounts
    after = msgspec.structs.replace(books, refunds=found.refunds)
    again = wanted(after, look, "account-1", frozenset(failed), NOW)
    assert again.refunds == {}
    assert {intent.key for intent in again.intents} <= {intent.key for intent in found.intents}


def checkout(name: str) -> Checkout:
    return Checkout(
        id=name,
        account_id="account-1",
        plan="personal",
        email="buyer@example.org",
        ui="hosted",
        locale="en",
        state=CheckoutState.OPEN,
        attempt=1,
        stripe_session_id=None,
        expires_at=NOW,
    )


SHOP = Shop("account-1", {name: checkout(name) for name in ("co-1", "co-2", "co-3")}, {})


@st.composite
def looks(draw: st.DrawFn) -> Look:
    """Anything that Stripe may say of three subscriptions of one customer."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3))
    facts = [
        msgspec.structs.replace(draw(stripe_facts.facts), id=f"sub_{name}", metadata={"checkout_id": f"co-{name}"})
        for name in names
    ]
    return Look(
        tick=1,
        stripe_customer_id="cus_1",
        subscriptions=facts,
        invoices=[draw(stripe_facts.bill(f"in_{name}", f"sub_{name}", f"ch_{name}")) for name in names],
        charges=[draw(stripe_facts.charge(f"ch_{name}")) for name in names],
        refunds=[draw(stripe_facts.refund(f"re_{name}", f"ch_{name}")) for name in names if draw(st.booleans())],
        disputes=[draw(stripe_facts.dispute(f"dp_{name}", f"ch_{name}")) for name in names if draw(st.booleans())],
    )


@given(st.lists(looks(), max_size=4), looks())
def test_whatever_was_seen_before_there_is_one_live_subscription_and_nothing_is_told_twice(
    history: list[Look], last: Look
) -> None:
    books, paid = Books(), []
    for look in [*history, last]:
        before, books = books, follow(books, look, NOW, RULES)
        paid += [each.subscription_id for each, _ in news(before, books, SHOP, NOW) if isinstance(each, SignupPaid)]
        assert sum(row.is_live for row in books.subscriptions.values()) <= 1
    again = follow(books, last, NOW, RULES)
    assert msgspec.structs.replace(again, surprises=()) == msgspec.structs.replace(books, surprises=())
    assert list(news(books, again, SHOP, NOW)) == []
    assert len(paid) == len(set(paid))
    assert sorted(paid) == sorted(row.id for row in books.subscriptions.values() if row.is_told)
