from itertools import product

import pytest

from s4_provisioner.lifecycle import (
    DOWN,
    FIRST,
    TOTAL,
    UP,
    Stage,
    Wanted,
    aim,
    elsewhere,
    next_stage,
    position,
    stopped_for,
    told_anew,
    turned,
)
from s4_provisioner.steps import STEPS

PAIRS = list(product(Wanted, Stage))
GOALS = {Wanted.READY: Stage.READY, Wanted.SUSPENDED: Stage.SUSPENDED, Wanted.ABSENT: Stage.ABSENT}


def walked(wanted: Wanted, stage: Stage) -> list[Stage]:
    """The stages that a grid goes through, where it rests last."""
    here = turned(wanted, stage)
    found = [here]
    while (following := next_stage(wanted, here)) is not None:
        found.append(following)
        here = following
        assert len(found) <= len(Stage), f"{wanted} from {stage} goes round in circles"
    return found


def rests_in_place(wanted: Wanted, stage: Stage) -> bool:
    """What failed waits for a person; what is gone stays gone; of what is being removed nothing is stopped any more."""
    return stage in {Stage.FAILED, Stage.ABSENT} or (wanted is Wanted.SUSPENDED and stage in DOWN)


@pytest.mark.parametrize(("wanted", "stage"), PAIRS)
def test_every_pair_comes_to_rest_where_it_should(wanted: Wanted, stage: Stage) -> None:
    end = walked(wanted, stage)[-1]

    assert end is (stage if rests_in_place(wanted, stage) else GOALS[wanted])


@pytest.mark.parametrize(("wanted", "stage"), PAIRS)
def test_a_grid_turns_at_most_once(wanted: Wanted, stage: Stage) -> None:
    assert all(turned(wanted, each) is each for each in walked(wanted, stage))


@pytest.mark.parametrize(("wanted", "stage"), PAIRS)
def test_a_grid_that_turns_has_something_to_do_then(wanted: Wanted, stage: Stage) -> None:
    there = turned(wanted, stage)

    assert there is stage or next_stage(wanted, there) is not None


@pytest.mark.parametrize("wanted", Wanted)
def test_a_wish_that_is_fulfilled_asks_for_nothing(wanted: Wanted) -> None:
    assert walked(wanted, GOALS[wanted]) == [GOALS[wanted]]


def test_the_way_up_is_the_runbook_from_identity_to_ready() -> None:
    assert [stage.value for stage in walked(Wanted.READY, FIRST)] == [
        *("identity", "bucket", "credentials", "host", "boot", "node", "dns", "proof", "ready")
    ]


def test_a_grid_is_suspended_by_one_step_from_anywhere_on_the_way_up() -> None:
    assert {tuple(walked(Wanted.SUSPENDED, stage)) for stage in (*UP, Stage.READY)} == {(Stage.STOP, Stage.SUSPENDED)}


def test_who_could_write_goes_before_what_was_written_and_the_keys_go_last() -> None:
    assert [stage.value for stage in walked(Wanted.ABSENT, Stage.SUSPENDED)] == [
        *("unname", "release", "revoke", "empty", "forget", "absent")
    ]


@pytest.mark.parametrize("stage", [Stage.STOP, Stage.SUSPENDED, *DOWN])
def test_a_grid_that_is_wanted_again_goes_the_whole_way_up(stage: Stage) -> None:
    assert turned(Wanted.READY, stage) is FIRST


@pytest.mark.parametrize(("wanted", "stage"), PAIRS)
def test_of_a_contested_grid_nothing_is_removed(wanted: Wanted, stage: Stage) -> None:
    contested = aim(wanted, frozen=True)
    steps = [each for each in walked(contested, stage) if next_stage(contested, each) is not None]

    assert not set(steps) & set(DOWN)
    assert aim(wanted, frozen=False) is wanted


@pytest.mark.parametrize(("wanted", "stage"), PAIRS)
@pytest.mark.parametrize("frozen", [True, False])
def test_what_an_operator_holds_is_not_served_and_nothing_of_it_removed(
    wanted: Wanted, stage: Stage, *, frozen: bool
) -> None:
    held = aim(wanted, frozen=frozen, held=True)
    steps = [each for each in walked(held, stage) if next_stage(held, each) is not None]

    assert not set(steps) & {*DOWN, *UP}


@pytest.mark.parametrize(("wanted", "stage"), PAIRS)
@pytest.mark.parametrize("paused", [True, False])
@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("frozen", [True, False])
def test_whatever_billing_owner_and_operator_say_together_comes_to_rest(
    wanted: Wanted, stage: Stage, *, frozen: bool, held: bool, paused: bool
) -> None:
    goal = aim(wanted, frozen=frozen, held=held, paused=paused)

    assert walked(goal, stage)[-1] is (stage if rests_in_place(goal, stage) else GOALS[goal])


@pytest.mark.parametrize(
    ("wanted", "frozen", "held", "goal", "why"),
    [
        (Wanted.READY, False, False, Wanted.SUSPENDED, "owner"),
        (Wanted.READY, True, False, Wanted.SUSPENDED, "owner"),
        (Wanted.READY, False, True, Wanted.SUSPENDED, "operator"),
        (Wanted.READY, True, True, Wanted.SUSPENDED, "operator"),
        (Wanted.SUSPENDED, False, False, Wanted.SUSPENDED, "billing"),
        (Wanted.SUSPENDED, True, False, Wanted.SUSPENDED, "billing"),
        (Wanted.SUSPENDED, False, True, Wanted.SUSPENDED, "operator"),
        (Wanted.SUSPENDED, True, True, Wanted.SUSPENDED, "operator"),
        (Wanted.ABSENT, False, False, Wanted.ABSENT, "billing"),
        (Wanted.ABSENT, True, False, Wanted.SUSPENDED, "billing"),
        (Wanted.ABSENT, False, True, Wanted.SUSPENDED, "operator"),
        (Wanted.ABSENT, True, True, Wanted.SUSPENDED, "operator"),
    ],
)
def test_a_pause_stops_what_would_be_served_and_changes_nothing_else(
    wanted: Wanted, goal: Wanted, why: str, *, frozen: bool, held: bool
) -> None:
    assert aim(wanted, frozen=frozen, held=held, paused=True) is goal
    assert stopped_for(wanted, held=held, paused=True) == why
    if wanted is not Wanted.READY:
        assert aim(wanted, frozen=frozen, held=held, paused=False) is goal
        assert stopped_for(wanted, held=held, paused=False) == why


def test_every_stage_with_a_successor_has_a_step_and_no_other_has() -> None:
    assert set(STEPS) == {stage for wanted, stage in PAIRS if next_stage(wanted, stage) is not None}


@pytest.mark.parametrize("stage", Stage)
def test_a_node_that_may_have_been_told_is_told_anew_and_no_other(stage: Stage) -> None:
    after = {Stage.DNS, Stage.PROOF, Stage.READY}

    assert told_anew(stage) is (Stage.NODE if stage in after else stage)


def test_a_grid_that_is_to_be_elsewhere_is_placed_anew_and_loses_nothing_of_what_it_is() -> None:
    back = {stage: elsewhere(stage) for stage in Stage}

    assert {stage for stage in Stage if back[stage] is Stage.HOST} == {
        *(Stage.HOST, Stage.BOOT, Stage.NODE, Stage.DNS, Stage.PROOF, Stage.READY)
    }
    assert all(back[stage] is stage for stage in Stage if back[stage] is not Stage.HOST)


def test_positions_count_the_steps_from_one_to_the_total() -> None:
    assert [position(stage) for stage in UP] == list(range(1, TOTAL + 1))
    assert position(Stage.READY) == TOTAL
