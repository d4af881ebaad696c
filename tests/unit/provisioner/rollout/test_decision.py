"""What a rollout does next."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4_provisioner.lifecycle import Stage, Wanted
from s4_provisioner.rollout.decision import (
    Begin,
    Decision,
    Finish,
    Judgement,
    Moved,
    Pause,
    Progress,
    Wait,
    decide,
    judge,
    size,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def progress(**changed: int) -> Progress:
    usual = {"canary": 1, "batch": 10, "at_once": 50, "round": 0, "begun": 0, "moving": 0, "failed": 0, "to_go": 100}
    return Progress(**usual | changed)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (progress(), Begin(1, 1)),
        (progress(canary=3), Begin(3, 1)),
        (progress(to_go=0), Finish()),
        (progress(to_go=0, coming=2), Wait()),
        (progress(round=1, begun=1, moving=1, to_go=99), Wait()),
        (progress(round=1, begun=1, to_go=99), Begin(10, 2)),
        (progress(round=2, begun=4, moving=4, to_go=95), Begin(6, 2)),
        (progress(round=2, begun=10, to_go=89), Begin(20, 3)),
        (progress(round=3, begun=20, to_go=7), Begin(7, 4)),
        (progress(round=4, begun=7, moving=2, to_go=0), Wait()),
        (progress(round=4, begun=7, to_go=0), Finish()),
        (progress(round=5, begun=50, moving=50, to_go=500), Wait()),
        (progress(round=5, begun=50, moving=45, to_go=500), Begin(5, 5)),
        (progress(round=1, begun=1, failed=1), Pause()),
        (progress(round=3, begun=20, moving=5, failed=1), Pause()),
        (progress(failed=1, to_go=0), Pause()),
    ],
)
def test_what_is_done_next(seen: Progress, expected: Decision) -> None:
    assert decide(seen) == expected


@given(
    canary=st.integers(1, 5),
    batch=st.integers(1, 20),
    at_once=st.integers(1, 30),
    grids=st.integers(0, 300),
    failing=st.integers(0, 320),
)
def test_every_rollout_ends_and_none_goes_on_after_a_failure(
    canary: int, batch: int, at_once: int, grids: int, failing: int
) -> None:
    """Whichever grid fails, nothing begins after it; without one, all grids are moved, round after round."""
    to_go, number, begun, moved = grids, 0, 0, 0
    for _ in range(4 * grids + 10):
        seen = Progress(
            canary=canary, batch=batch, at_once=at_once, round=number, begun=begun, moving=0,
            failed=int(0 < failing <= moved), to_go=to_go,
        )  # fmt: skip
        found = decide(seen)
        if not isinstance(found, Begin):
            break
        assert 0 < found.grids <= min(at_once, to_go)
        assert found.round in {number, number + 1}
        begun = found.grids if found.round > number else begun + found.grids
        number = found.round
        assert begun <= size(number, canary, batch)
        to_go, moved = to_go - found.grids, moved + found.grids
    else:
        pytest.fail("it never ends")
    assert isinstance(found, Pause if 0 < failing <= moved else Finish)
    if isinstance(found, Finish):
        assert moved == grids


@given(st.builds(
    Progress, canary=st.integers(1, 9), batch=st.integers(1, 99), at_once=st.integers(1, 99), round=st.integers(0, 60),
    begun=st.integers(0, 999), moving=st.integers(0, 99), failed=st.integers(0, 2), to_go=st.integers(0, 999),
    coming=st.integers(0, 3),
))  # fmt: skip
def test_never_more_move_at_once_than_may(seen: Progress) -> None:
    found = decide(seen)
    if isinstance(found, Begin):
        assert found.grids + seen.moving <= seen.at_once
        assert not seen.failed
    if isinstance(found, Finish):
        assert (seen.moving, seen.to_go, seen.coming) == (0, 0, 0)


def moved(**changed: object) -> Moved:
    usual: dict[str, object] = {
        "aim": Wanted.READY, "stage": Stage.READY, "release": "new", "proved_at": NOW, "attempts": 0,
        "began_at": NOW - timedelta(minutes=1),
    }  # fmt: skip
    return Moved(**usual | changed)  # type: ignore[arg-type]  # as the struct has them


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (moved(), Judgement.PROVED),
        (moved(proved_at=NOW - timedelta(minutes=2)), Judgement.MOVING),
        (moved(proved_at=None), Judgement.MOVING),
        (moved(release="old"), Judgement.MOVING),
        (moved(stage=Stage.BOOT), Judgement.MOVING),
        (moved(stage=Stage.PROOF, attempts=3), Judgement.MOVING),
        (moved(stage=Stage.PROOF, attempts=4), Judgement.FAILED),
        (moved(stage=Stage.BOOT, attempts=9), Judgement.MOVING),
        (moved(stage=Stage.FAILED), Judgement.FAILED),
        (moved(stage=Stage.BOOT, began_at=NOW - timedelta(hours=1)), Judgement.FAILED),
        (moved(release="old", began_at=NOW - timedelta(hours=1)), Judgement.FAILED),
        (moved(aim=Wanted.SUSPENDED, stage=Stage.STOP), Judgement.LEFT),
        (moved(is_here=False, release="other"), Judgement.LEFT),
        (moved(aim=Wanted.ABSENT, stage=Stage.FAILED), Judgement.LEFT),
    ],
)
def test_what_became_of_a_grid(seen: Moved, expected: Judgement) -> None:
    assert judge(seen, "new", attempts=3, patience=timedelta(minutes=20), now=NOW) is expected
