"""Who has something in hand knows when it is not his any more, also when nobody can tell him."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from s4_provisioner.keeping import keep
from s4_provisioner.tools import Tools
from s4_runtime import SystemClock, Temporary
from s4_store import LeaseLost, Leases, Pool

LEASE = timedelta(seconds=15)
AWAY = Temporary("database-unavailable")


class Quick(SystemClock):
    """Sleeping takes no time, but time passes."""

    def __init__(self) -> None:
        self.passed = 0.0

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds

    def monotonic(self) -> float:
        return self.passed


class Answers:
    """The lease is extended, or not, as given."""

    def __init__(self, *answers: bool | Exception) -> None:
        self._answers = list(answers)

    async def extend(self, _pool: object, _key: str, _token: str, _ttl: timedelta, _now: datetime) -> bool:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("answers", "seconds"),
    [
        ([False], 5.0),
        ([True, True, False], 15.0),
        ([AWAY, AWAY, AWAY, True], 15.0),  # the lease that was never extended is over
        ([True, AWAY, AWAY, AWAY, True], 20.0),
        ([AWAY, True, AWAY, AWAY, AWAY, True], 25.0),
    ],
)
async def test_work_is_dropped_when_the_lease_is_lost_or_over(answers: list[Any], seconds: float) -> None:
    clock = Quick()
    tools = cast("Tools", SimpleNamespace(clock=clock, settings=SimpleNamespace(lease=LEASE)))

    with pytest.raises(LeaseLost):
        await keep(cast("Leases", Answers(*answers)), cast("Pool", None), "key", "token", tools)

    assert clock.passed == seconds
