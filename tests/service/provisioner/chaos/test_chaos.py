"""Random histories of whole deployments against the emulated cloud, with the real steps: in the end all is in order."""

from datetime import timedelta

import pytest

from support.chaos.history import History
from support.chaos.setting import SETTINGS
from support.grid_cloud import Cloud
from support.provisioner import a_desk

_QUICK, _ALL = 3, 200


@pytest.mark.parametrize(
    "seed", [*range(_QUICK), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(_QUICK, _ALL))]
)
async def test_whatever_goes_wrong_every_grid_comes_to_where_billing_wants_it(
    database: str, crowd: Cloud, seed: int
) -> None:
    async with a_desk(database, crowd, **SETTINGS) as desk:
        history = History(desk, crowd, seed)
        await history.happens()
        await history.calms_down(after=timedelta(hours=2))
        assert await history.truth.wrong() == [], history.report()
