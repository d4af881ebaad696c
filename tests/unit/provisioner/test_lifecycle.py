from itertools import product

import pytest

from s4_provisioner.lifecycle import FIRST, TOTAL, UP, Stage, Wanted, next_stage, position, stage_without_host
from s4_provisioner.steps import STEPS


@pytest.mark.parametrize(("wanted", "stage"), list(product(Wanted, Stage)))
def test_every_pair_comes_to_rest(wanted: Wanted, stage: Stage) -> None:
    here: Stage | None = stage
    for _ in Stage:
        if here is None or next_stage(wanted, here) is None:
            return
        here = next_stage(wanted, here)
    pytest.fail(f"{wanted} from {stage} goes round in circles")


def test_the_way_up_is_the_runbook_from_identity_to_ready() -> None:
    walked, here = [], FIRST
    while (following := next_stage(Wanted.READY, here)) is not None:
        walked.append(here.value)
        here = following

    assert walked == ["identity", "bucket", "credentials", "host", "boot", "node", "dns", "proof"]
    assert here is Stage.READY


def test_every_stage_with_a_successor_has_a_step_and_no_other_has() -> None:
    assert set(STEPS) == set(UP)


@pytest.mark.parametrize("stage", [Stage.READY, Stage.FAILED])
def test_nothing_is_done_for_a_grid_that_is_ready_or_waits_for_a_person(stage: Stage) -> None:
    assert next_stage(Wanted.READY, stage) is None


@pytest.mark.parametrize(("wanted", "stage"), list(product([Wanted.SUSPENDED, Wanted.ABSENT], Stage)))
def test_a_grid_that_nobody_wants_up_is_built_no_further(wanted: Wanted, stage: Stage) -> None:
    assert next_stage(wanted, stage) is None


def test_a_lost_machine_takes_the_grid_back_to_the_launch_and_no_further() -> None:
    back = {stage: stage_without_host(stage) for stage in Stage}

    assert {stage for stage in Stage if back[stage] is Stage.HOST} == {
        *(Stage.HOST, Stage.BOOT, Stage.NODE, Stage.DNS, Stage.PROOF)
    }
    assert all(back[stage] is stage for stage in (Stage.IDENTITY, Stage.BUCKET, Stage.CREDENTIALS, Stage.READY))


def test_positions_count_the_steps_from_one_to_the_total() -> None:
    assert [position(stage) for stage in UP] == list(range(1, TOTAL + 1))
    assert position(Stage.READY) == TOTAL
