"""Thousands of random histories of billing's decisions: what Stripe says, what we make of it, tell, and want done.

Stripe is the double itself, asked through its own routes; `follow`, `wanted` and `news` are billing's own. Between them
there is no database, network or loop (support/histories/paper.py), which makes a history a matter of milliseconds. The
same promises are kept by the whole service in tests/service/billing/test_histories.py, for fewer histories.
"""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from support.histories.choices import CARDS, DAYS, PLANS, SEEDS
from support.histories.inner_stripe import InnerStripe
from support.histories.inner_stripe import settings as world_settings
from support.histories.outside import OUTSIDE
from support.histories.paper import ON_PAPER, Paper

FEWEST = 2000
_ANY = settings(
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
    print_blob=False,
)
# The same ones each time: what is new is found by the long profile.
SHORT = settings(_ANY, max_examples=FEWEST, stateful_step_count=8, derandomize=True)
LONG = settings(_ANY, max_examples=20_000, stateful_step_count=25)
DEEDS = {**OUTSIDE, **ON_PAPER}


class PaperHistories(RuleBasedStateMachine):
    """Each run is one account's history."""

    stripe: InnerStripe
    prices: dict[str, str]
    count = 0

    @initialize(seed=SEEDS, card=CARDS, plan=PLANS, days=DAYS)
    def signs_up(self, seed: int, card: str, plan: str, days: int) -> None:
        type(self).count += 1
        self.stripe.begin()
        self.life = Paper(self.stripe, seed, self.prices)
        self.life.open(plan, another=False)
        self.life.pay(0, card)
        self.life.wait(days)

    @rule(what=st.sampled_from(sorted(DEEDS)), days=DAYS, seen=st.booleans(), done=st.booleans())
    def happens(self, what: str, days: int, *, seen: bool, done: bool) -> None:
        """Somebody does something, time passes; we look or do not, and do what we want done or do not."""
        self.life.does(DEEDS[what])
        self.life.wait(days)
        if seen:
            self.life.observe()
        if done:
            self.life.perform()

    @rule(tab=st.integers(-1, 2), card=CARDS, plan=PLANS, another=st.booleans())
    def buys(self, tab: int, card: str, plan: str, *, another: bool) -> None:
        self.life.open(plan, another=another)
        self.life.pay(tab, card)

    def teardown(self) -> None:
        if hasattr(self, "life"):
            self.life.keeps_all_promises()


@pytest.fixture
def histories() -> Iterator[type[PaperHistories]]:
    """A machine with a world that outlives each history."""
    stripe = InnerStripe(world_settings("127.0.0.1:1"))
    prices = {}
    for plan, amount in (("personal", "2500"), ("large", "9900")):
        product = stripe.call("POST", "/v1/products", name=plan)["id"]
        fields = {"lookup_key": f"s4-{plan}-monthly-1", "recurring[interval]": "month", "currency": "usd"}
        prices[plan] = stripe.call("POST", "/v1/prices", product=product, unit_amount=amount, **fields)["id"]
    stripe.keep_catalogue()
    yield type("TheseHistories", (PaperHistories,), {"stripe": stripe, "prices": prices, "count": 0})
    assert not stripe.world.journal.unimplemented


@pytest.mark.timeout(900)
def test_whatever_stripe_says_it_is_followed_told_once_and_paid_back(
    histories: type[PaperHistories], record_property: Callable[[str, object], None]
) -> None:
    run_state_machine_as_test(histories, settings=SHORT)
    record_property("note", f"{histories.count} histories of billing's decisions")
    assert histories.count >= FEWEST


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_whatever_stripe_says_for_long_it_is_followed(
    histories: type[PaperHistories], record_property: Callable[[str, object], None]
) -> None:
    run_state_machine_as_test(histories, settings=LONG)
    record_property("note", f"{histories.count} long histories of billing's decisions")
