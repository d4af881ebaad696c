"""What every loop tells about itself, and how far customers come on their way."""

import time
from typing import Literal, get_args

from prometheus_client import Counter, Gauge

LAST_SUCCESS = Gauge(
    "s4_loop_last_success_timestamp_seconds", "When a loop last did all of its work (Unix time).", ["loop"]
)
LOOP_FAILURES = Counter(
    "s4_loop_failures_total", "Rounds of a loop that failed and will be repeated.", ["loop", "code"]
)
# In the order in which a customer takes them.
Step = Literal["visited", "form-shown", "form-sent", "checkout", "paid", "placed", "proved", "furl-issued", "claimed"]
STEPS: tuple[Step, ...] = get_args(Step)
FUNNEL = Counter("s4_funnel_total", "Customers who came so far on the way from the first page to their furl.", ["step"])
for _step in STEPS:
    FUNNEL.labels(_step)  # from zero on, so that the first customer is an increase


def last_success(loop: str) -> None:
    """Note that the loop has just done all of its work."""
    LAST_SUCCESS.labels(loop).set(time.time())


def came_to(step: Step, customers: int = 1) -> None:
    """Note that so many customers have just taken the step. A crash may leave one out, or count one twice."""
    FUNNEL.labels(step).inc(customers)
