"""How an account stands: for every account there is one word, and moments in order of time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4_runtime.words import day, moment
from s4_web.accounts.account import Account, Ended, Failing, Invoice, Next, PendingPlan, from_events
from s4_web.accounts.client import _REFUSALS
from s4_web.accounts.standing import BADGES, kind_of, moments
from s4_web.troubles import read_words
from s4_web.words import bill

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
times = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  hypothesis wants naive limits
maybe = st.none() | times
amounts = st.integers(-(10**9), 10**9)
currencies = st.sampled_from(["usd", "eur", "jpy", "kwd", "sek"])
reasons = st.sampled_from(["cancelled", "unpaid", "disputed", "not-provided", "duplicate", "other"]) | st.none()
accounts = st.builds(
    Account,
    account_id=st.just("1"),
    plan=st.just("personal"),
    plan_name=st.just("Personal"),
    state=st.sampled_from(["none", "pending", "active", "past_due", "suspended", "ended"]),
    trial_end=maybe,
    period_end=maybe,
    cancel_at=maybe,
    next=st.none() | st.builds(Next, amounts, currencies, times, st.booleans()),
    pending_plan=st.none() | st.builds(PendingPlan, st.just("studio"), st.just("Studio"), times),
    failing=st.none() | st.builds(Failing, amounts, currencies, maybe, st.integers(0, 9), maybe, st.booleans()),
    disputed=st.booleans(),
    ended=st.none() | st.builds(Ended, maybe, reasons, maybe, maybe),
    retention_days=st.none() | st.integers(0, 400),
)


@given(account=accounts, now=times)
def test_every_account_has_one_word_and_its_moments_in_order(account: Account, now: datetime) -> None:
    kind = kind_of(account, now)
    assert kind in BADGES
    shown = moments(account, now)
    assert shown
    assert all(moment.words for moment in shown)
    if not account.ended:
        known = [moment.at for moment in shown[1:] if moment.at]
        assert known == sorted(known)
        assert len(known) == len(shown) - 1, "what comes has its time"


@given(account=accounts, now=times)
def test_who_leaves_is_told_of_no_further_charge(account: Account, now: datetime) -> None:
    if account.cancel_at is not None and account.ended is None:
        assert not [moment for moment in moments(account, now) if "is charged" in moment.words]


@given(account=accounts, now=times)
def test_an_ended_account_is_ended_whatever_else_is_said(account: Account, now: datetime) -> None:
    assert (kind_of(account, now) in {"ended", "deleted"}) == (account.ended is not None)


@given(account=accounts, now=times)
def test_what_the_page_says_of_a_failed_payment_is_known(account: Account, now: datetime) -> None:
    if kind_of(account, now) in {"overdue", "unpaid"}:
        assert account.failing, "the page names the amount"


def test_nothing_is_said_to_be_deleted_while_a_payment_is_contested() -> None:
    ended = Ended(NOW, "disputed", NOW + timedelta(days=30))
    account = Account("1", "personal", "Personal", "ended", disputed=True, ended=ended)
    assert [moment.words for moment in moments(account, NOW) if "deleted" in moment.words] == []


def test_a_trial_is_over_at_its_end() -> None:
    account = Account("1", "personal", "Personal", "active", trial_end=NOW)
    assert kind_of(account, NOW - timedelta(seconds=1)) == "trial"
    assert kind_of(account, NOW) == "active"


@pytest.mark.parametrize(
    ("status", "paid", "refunded", "words"),
    [
        ("paid", 100, 0, "paid"),
        ("paid", 100, 40, "partly refunded"),
        ("paid", 100, 100, "refunded"),
        ("open", 0, 0, "not paid yet"),
        ("void", 0, 0, "cancelled"),
        ("uncollectible", 0, 0, "not paid"),
        ("something-new", 0, 0, "something-new"),
    ],
)
def test_what_became_of_a_bill_is_said_in_words(status: str, paid: int, refunded: int, words: str) -> None:
    assert Invoice("1", None, NOW, status, 100, 0, paid, refunded, "usd").words == words


def test_an_account_of_which_nothing_was_told_is_still_an_account() -> None:
    account = from_events("1", {})
    assert (account.state, account.plan_name, kind_of(account, NOW)) == ("none", None, "pending")


def test_every_refusal_of_billing_has_its_words() -> None:
    assert {code for _, code in _REFUSALS} <= set(read_words())


def test_times_are_in_words_and_utc_and_columns_have_all_their_digits() -> None:
    elsewhere = datetime.fromisoformat("2026-12-01T00:30:00+02:00")
    assert (day(elsewhere), moment(elsewhere)) == ("30 November 2026", "30 November 2026, 22:30 UTC")
    assert [bill(2500, "usd"), bill(-5, "eur"), bill(500, "jpy"), bill(1000, "kwd")] == [
        "$25.00",
        "-€0.05",
        "500 JPY",
        "1.000 KWD",
    ]
