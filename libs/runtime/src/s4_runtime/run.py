"""From start to stop: signals, failure, drain."""

import asyncio
import signal
import sys
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import uvloop

from s4_runtime.errors import Permanent, Trouble
from s4_runtime.lag import watch_lag
from s4_runtime.logs import get_logger
from s4_runtime.spans import exporting

DRAIN = timedelta(seconds=20)
EXIT_UNUSABLE = 78  # sysexits.h, EX_CONFIG: a person must mend it
EXIT_LATER = 75  # sysexits.h, EX_TEMPFAIL: start it again later


async def run(service: str, *coroutines: Coroutine[Any, Any, None], drain: timedelta = DRAIN) -> None:
    """Run all of them until a signal comes or one fails; then cancel the others and wait for their drain.

    A failure is raised; a signal is a normal end. What has not ended after ``drain`` is left behind.
    """
    async with exporting(service):
        await _run(service, coroutines, drain)


async def _run(service: str, coroutines: Iterable[Coroutine[Any, Any, None]], drain: timedelta) -> None:
    log = get_logger()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    tasks = {loop.create_task(coroutine) for coroutine in (*coroutines, watch_lag())}
    stopped = loop.create_task(stop.wait())
    log.info("service.started", service=service)
    try:
        await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        for task in tasks:
            task.cancel()
        ended, late = await asyncio.wait(tasks, timeout=drain.total_seconds())
        log.info("service.stopped", service=service, late=len(late))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    failures = [task.exception() for task in ended if not task.cancelled()]
    for failure in filter(None, failures):
        raise failure


def start(service: str, main: Coroutine[Any, Any, None]) -> int:
    """Run a service's main to its end, on uvloop. The exit status; what a person must mend is said plainly."""
    try:
        with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main)
    except Trouble as error:
        get_logger().error("service.cannot-run", service=service, trouble=str(error))
        print(f"{service}: {error}", file=sys.stderr)  # noqa: T201  the operator's terminal, where no log is shown
        return EXIT_UNUSABLE if isinstance(error, Permanent) else EXIT_LATER
    return 0
