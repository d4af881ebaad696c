"""What every loop tells about itself."""

import time

from prometheus_client import Counter, Gauge

LAST_SUCCESS = Gauge(
    "s4_loop_last_success_timestamp_seconds", "When a loop last did all of its work (Unix time).", ["loop"]
)
LOOP_FAILURES = Counter(
    "s4_loop_failures_total", "Rounds of a loop that failed and will be repeated.", ["loop", "code"]
)


def last_success(loop: str) -> None:
    """Note that the loop has just done all of its work."""
    LAST_SUCCESS.labels(loop).set(time.time())
