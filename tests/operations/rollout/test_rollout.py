"""A new release is brought while people sign up: nobody meets it, and nothing is lost or done twice."""

from collections.abc import Callable

import pytest

from support.infra import TestRun
from support.replicas.rolled import rolled_out

_PACE = 0.25  # of the pauses that the manifests say; bench/scale/bench_rollout.py takes them as they are


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_release_is_rolled_out_under_signups_and_nobody_meets_it(
    test_run: TestRun, record_property: Callable[[str, object], None]
) -> None:
    rolled = await rolled_out(test_run.folder / "rolled", _PACE)
    assert rolled.wrong == []
    record_property("note", f"at {_PACE:g} of the manifests' pauses, {rolled}")
