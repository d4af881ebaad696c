"""Whatever happens to an account, in whatever order, it is settled in the end as it was promised.

Billing runs as it does in production: its database, loopback HTTP, Stripe's SDK; the double of Stripe is in this
process, so that its clock, its people and its mischief are at hand. A history takes about a fifth of a second of one
core, so `make test` has some of them here, and thousands of the same kind where nothing but the decisions is real
(tests/unit/billing/test_histories_of_facts.py). The long profile has ten thousand here.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from support.histories.machine import Histories, Logs
from support.histories.stack import Stack

_ANY = settings(
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
    print_blob=False,
)
# The same ones each time: what is new is found by the long profile.
SHORT = settings(_ANY, max_examples=30, stateful_step_count=7, derandomize=True)
LONG = settings(_ANY, max_examples=10_000, stateful_step_count=25)


@pytest.fixture
def histories(database: str, tmp_path: Path) -> Iterator[type[Histories]]:
    """A machine with a stack that outlives each history."""
    logs = Logs()
    with asyncio.Runner() as runner, logs.kept():
        up, down = asyncio.Event(), asyncio.Event()
        found: list[Stack] = []

        async def live() -> None:
            async with Stack.up(database, tmp_path) as stack:
                found.append(stack)
                up.set()
                await down.wait()

        async def begin() -> asyncio.Task[None]:
            living = asyncio.create_task(live())
            await asyncio.wait([living, asyncio.create_task(up.wait())], return_when=asyncio.FIRST_COMPLETED)
            return living

        async def end(living: asyncio.Task[None]) -> None:
            down.set()
            await living

        living = runner.run(begin())
        try:
            yield type("TheseHistories", (Histories,), {"runner": runner, "stack": found[0], "logs": logs, "count": 0})
        finally:
            runner.run(end(living))


@pytest.mark.timeout(900)
def test_whatever_happens_an_account_is_settled_as_promised(
    histories: type[Histories], record_property: Callable[[str, object], None]
) -> None:
    run_state_machine_as_test(histories, settings=SHORT)
    record_property("note", f"{histories.count} histories of the whole billing service")
    assert histories.count >= SHORT.max_examples


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
def test_whatever_happens_for_long_an_account_is_settled_as_promised(
    histories: type[Histories], record_property: Callable[[str, object], None]
) -> None:
    run_state_machine_as_test(histories, settings=LONG)
    record_property("note", f"{histories.count} long histories of the whole billing service")
