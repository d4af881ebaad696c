from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4_contracts.ids import AccountId, GridId, SignupId, SubscriptionId
from s4_provisioner.grids import Grid, Incomplete, host_of, present
from s4_provisioner.lifecycle import DOWN, UP, Stage, Wanted, next_stage
from s4_provisioner.limits import Result, goes_on, judged
from s4_provisioner.outcome import Again, Done, MachineLost, NotYet, nothing
from s4_runtime import Permanent, Temporary, new_id
from support.provisioner import some_settings

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SETTINGS = some_settings("postgresql://nowhere", max_attempts=3, max_relaunches=2, step_limit=timedelta(minutes=2))
RESULTS: list[Result] = [
    Done(),
    Again(nothing),
    NotYet(timedelta(seconds=1)),
    MachineLost("machine-gone"),
    Temporary("aws-busy"),
    Permanent("aws-refused"),
]


def a_grid(
    stage: Stage = Stage.BUCKET, attempts: int = 1, relaunches: int = 0, waited: timedelta = timedelta(0)
) -> Grid:
    return Grid(
        id=GridId(new_id()), account_id=AccountId(new_id()), signup_id=SignupId(new_id()),
        subscription_id=SubscriptionId(new_id()), story={}, wanted=Wanted.READY, wishes=0, suspended_at=None,
        delete_after=None, frozen=False, held=False, stage=stage, stage_since=NOW - waited, failed_stage=None,
        sealed_identity=None, bucket=None, quota_bytes=None, dns_name=None, dns_change=None, relaunches=relaunches,
        furl_generation=1, proved_at=None, proof_seconds=None, failures=0, attempts=attempts, objects=0,
        counted_to=None, host=None, pool="dedicated", region="here", port=34561, shard=None, address=None,
        announced_from=0, release_wanted=None, host_wanted=None, paused=False, stopped_for=None, lost_at=None,
        lost_host=None, paid_at=None,
    )  # fmt: skip


@pytest.mark.parametrize("result", RESULTS)
def test_at_first_every_result_stands(result: Result) -> None:
    assert judged(a_grid(), result, SETTINGS, NOW) is result


def test_the_last_attempts_trouble_is_for_a_person() -> None:
    trouble = Temporary("aws-busy", reason="SlowDown")

    assert judged(a_grid(attempts=2), trouble, SETTINGS, NOW) is trouble
    final = judged(a_grid(attempts=3), trouble, SETTINGS, NOW)
    assert isinstance(final, Permanent)
    assert (final.code, final.ids) == ("aws-busy", {"reason": "SlowDown"})


def test_one_lost_machine_too_many_is_for_a_person() -> None:
    lost = MachineLost("machine-gone")

    assert judged(a_grid(Stage.BOOT, relaunches=1), lost, SETTINGS, NOW) is lost
    final = judged(a_grid(Stage.BOOT, relaunches=2), lost, SETTINGS, NOW)
    assert isinstance(final, Permanent)
    assert final.code == "machine-gone"


def test_waiting_beyond_the_limit_counts_as_one_failure_for_each_limit_that_passed() -> None:
    waiting, limit = NotYet(timedelta(seconds=1)), SETTINGS.step_limit
    soon, late = a_grid(Stage.DNS, waited=limit), a_grid(Stage.DNS, waited=limit + timedelta(seconds=1))

    assert judged(soon, waiting, SETTINGS, NOW) is waiting
    slow = judged(late, waiting, SETTINGS, NOW)
    assert isinstance(slow, Temporary)
    assert slow.code == "dns-too-slow"
    second_try = a_grid(Stage.DNS, attempts=2, waited=limit + timedelta(seconds=1))
    assert judged(second_try, waiting, SETTINGS, NOW) is waiting


def test_a_boot_has_a_limit_of_its_own() -> None:
    waiting = NotYet(timedelta(seconds=1))

    assert judged(a_grid(Stage.BOOT, waited=timedelta(hours=1)), waiting, SETTINGS, NOW) is waiting


@given(st.integers(1, 9), st.integers(0, 9), st.sampled_from(RESULTS), st.sampled_from(list(UP)))
def test_success_is_never_judged_and_nothing_becomes_success(
    attempts: int, relaunches: int, result: Result, stage: Stage
) -> None:
    verdict = judged(a_grid(stage, attempts, relaunches), result, SETTINGS, NOW)

    assert isinstance(verdict, Done | Again) == isinstance(result, Done | Again)


@pytest.mark.parametrize("stage", [Stage.STOP, *DOWN])
def test_to_stop_and_to_remove_is_never_given_up_for_what_may_pass(stage: Stage) -> None:
    trouble = Temporary("aws-busy")

    assert judged(a_grid(stage, attempts=999), trouble, SETTINGS, NOW) is trouble
    assert isinstance(judged(a_grid(stage), Permanent("aws-refused"), SETTINGS, NOW), Permanent)


@pytest.mark.parametrize(
    ("wanted", "kept", "frozen", "is_over"),
    [
        (Wanted.SUSPENDED, timedelta(0), False, True),
        (Wanted.SUSPENDED, timedelta(seconds=1), False, False),
        (Wanted.SUSPENDED, timedelta(0), True, False),
        (Wanted.SUSPENDED, None, False, False),
        (Wanted.READY, timedelta(0), False, False),
        (Wanted.ABSENT, timedelta(0), False, False),
    ],
)
def test_a_grid_is_over_on_its_day_unless_that_is_contested(
    *, wanted: Wanted, kept: timedelta | None, frozen: bool, is_over: bool
) -> None:
    until = None if kept is None else NOW + kept
    grid = msgspec.structs.replace(a_grid(), wanted=wanted, delete_after=until, frozen=frozen)

    assert grid.is_over(NOW) is is_over


@pytest.mark.parametrize("stage", list(UP))
def test_a_grid_goes_on_at_once_unless_it_rests_waits_or_failed(stage: Stage) -> None:
    grid = a_grid(stage)
    following = next_stage(Wanted.READY, stage)
    assert following

    on = [goes_on(grid, following, result) for result in RESULTS]

    assert on == [following is not Stage.READY, True, False, True, False, False]


def test_what_an_earlier_stage_did_not_leave_is_our_mistake() -> None:
    with pytest.raises(Incomplete):
        host_of(a_grid())
    with pytest.raises(Incomplete):
        present(None)
    assert present("there") == "there"
