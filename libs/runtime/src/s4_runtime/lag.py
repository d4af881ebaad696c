"""How late the event loop is: what a process does not get done in time shows here first."""

import asyncio
import time

from prometheus_client import Histogram

LAG = Histogram(
    "s4_event_loop_lag_seconds",
    "How much later than asked for a timer fires.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
EVERY = 0.5  # seconds


async def watch_lag() -> None:
    """Measure for ever."""
    while True:
        began = time.monotonic()
        await asyncio.sleep(EVERY)
        LAG.observe(max(0.0, time.monotonic() - began - EVERY))
