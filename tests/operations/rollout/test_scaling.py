"""Replicas are taken away in the middle of their work: who paid is served once, and no event is lost."""

from collections.abc import Callable

import pytest

from support.infra import TestRun
from support.replicas.scaled import Scaled


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_of_four_replicas_of_each_service_one_finishes_what_was_begun(
    test_run: TestRun, record_property: Callable[[str, object], None]
) -> None:
    folder = test_run.folder / "scaled"
    folder.mkdir(mode=0o711)
    async with Scaled.open(folder) as scaled:
        fewer = await scaled.fewer(4, 24)
    assert fewer.left
    assert fewer.wrong == []
    record_property(
        "note", f"4 replicas of each became 1 with {fewer.left} of {fewer.signups} signups to go: all right"
    )
