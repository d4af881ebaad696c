"""What hypothesis may choose from, in every kind of history."""

from typing import Final, get_args

from hypothesis import strategies as st

from support.histories.stack import Mood
from support.stripe_double import DECLINED_CARD, GOOD_CARD

# Good, good but later refused, refused, contested as fraud, as not received, asked about, warned of, slow to refund.
_CARDS: Final = (
    *(GOOD_CARD, GOOD_CARD, GOOD_CARD, "4000000000000341", DECLINED_CARD, "4000000000000259", "4000000000002685"),
    *("4000000000001976", "4000000000005423", "4000000000007726", "4000000000005126"),
)
CARDS = st.sampled_from(_CARDS)
PLANS = st.sampled_from(("personal", "large"))
DAYS = st.sampled_from((0, 0, 0, 1, 4, 8, 16, 32))
SEEDS = st.integers(0, 2**16)
MOODS = st.sampled_from((*get_args(Mood), "fifo", "random"))

_CALLS = ("* /v1/*", "GET /v1/*", "POST /v1/*", "POST /v1/subscriptions/*", "POST /v1/refunds", "GET /v1/invoices*")
_FAULTS = ("429", "500", "503", "drop", "html", "cut_body", "lock_timeout", "commit_then_timeout", "hang")
_LOOPS = ("events", "due", "commands", "missed", "overdue")
# A failing call of Stripe; a loop that turns out of turn; a process that dies at its so many-th look at the clock.
FAULTS = st.tuples(st.sampled_from(_CALLS), st.sampled_from(_FAULTS), st.integers(1, 5))
TURNS = st.sampled_from(_LOOPS)
DEATHS = st.tuples(st.sampled_from((*_LOOPS, "cancel")), st.integers(1, 25))
TROUBLE = st.one_of(FAULTS, TURNS, DEATHS)
