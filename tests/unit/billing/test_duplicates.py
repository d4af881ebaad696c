"""Which of several subscriptions should not be."""

from s4_billing.derive import State
from s4_billing.duplicates import superfluous
from s4_billing.store import SubscriptionRow


def a_row(name: str, checkout: str | None, state: State = State.ACTIVE) -> SubscriptionRow:
    return SubscriptionRow(
        id=name,
        stripe_subscription_id=name,
        checkout_id=checkout,
        plan="personal",
        state=state,
        stripe_status="any",
        ever_paid=True,
    )


def test_of_two_live_ones_the_one_that_was_told_of_is_kept() -> None:
    old, new = a_row("old", "a"), a_row("new", "b")
    assert superfluous({"old": old, "new": new}, {"new": new}, {"old": 1, "new": 2}) == {"old"}
    assert superfluous({"old": old, "new": new}, {}, {"old": 1, "new": 2}) == {"new"}


def test_what_a_checkout_has_sold_it_does_not_sell_again() -> None:
    ended, again = a_row("ended", "a", State.ENDED), a_row("again", "a")
    assert superfluous({"ended": ended, "again": again}, {"ended": ended}, {"ended": 1, "again": 2}) == {"again"}


def test_another_checkout_may_follow_an_end() -> None:
    ended, other = a_row("ended", "a", State.ENDED), a_row("other", "b")
    assert superfluous({"ended": ended, "other": other}, {"ended": ended}, {"ended": 1, "other": 2}) == set()


def test_of_two_of_one_checkout_that_are_seen_at_once_the_live_one_is_kept() -> None:
    ended, live = a_row("ended", "a", State.ENDED), a_row("live", "a")
    assert superfluous({"ended": ended, "live": live}, {}, {"ended": 1, "live": 2}) == {"ended"}
