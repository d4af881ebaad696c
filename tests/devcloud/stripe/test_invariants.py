"""Whatever happens to a subscription in whatever order, the money adds up."""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devcloud.stripe.ledger import Ledger
from devcloud.stripe.published import problems_with

_HOUR, _DAY = 3600, 24 * 3600
Step = Callable[[Ledger], None]


def _waits(seconds: int) -> Step:
    return lambda ledger: ledger.wait(seconds)


def _behaves(behaviour: str) -> Step:
    return lambda ledger: ledger.behave(behaviour)


def _changes(change: tuple[int, str, str]) -> Step:
    return lambda ledger: ledger.change(*change)


def _acts(action: str) -> Step:
    return lambda ledger: ledger.on_latest_invoice(action)


def _cancels(given_back: bool) -> Step:  # noqa: FBT001  drawn
    return lambda ledger: ledger.cancel(prorate=given_back, invoice_now=given_back)


def _schedules(ends: bool) -> Step:  # noqa: FBT001  drawn
    return lambda ledger: ledger.update(cancel_at_period_end=ends)


_STEPS = st.one_of(
    st.sampled_from([60, _HOUR, 5 * _DAY, 16 * _DAY, 31 * _DAY, 100 * _DAY]).map(_waits),
    st.sampled_from(["ok", "generic_decline", "always_authenticate"]).map(_behaves),
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["create_prorations", "always_invoice", "none"]),
        st.sampled_from(["allow_incomplete", "error_if_incomplete", "pending_if_incomplete"]),
    ).map(_changes),
    st.sampled_from(["pay", "void", "mark_uncollectible", "finalize"]).map(_acts),
    st.booleans().map(_schedules),
    st.booleans().map(_cancels),
)


@given(st.booleans(), st.sampled_from([0, 0, 14]), st.lists(_STEPS, min_size=3, max_size=12))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_money_adds_up_after_every_step(taxed: bool, trial_days: int, steps: list[Step]) -> None:  # noqa: FBT001  drawn
    ledger = Ledger.opened(taxed=taxed, trial_days=trial_days)
    ledger.check()
    for step in steps:
        step(ledger)
        ledger.check()
        balance, told = ledger.balance()
        assert balance == told
    for kind in ("subscription", "invoice"):
        assert [problem for row in ledger.rows(kind)[:2] for problem in problems_with(row)] == []
