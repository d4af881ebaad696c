"""When one operator may not decide alone that a grid is deleted."""

import pytest

from s4_provisioner.operator.deleting import needs_another


@pytest.mark.parametrize(
    ("force", "stored", "alone", "expected"),
    [
        (False, 0, 0, False),
        (False, 1000, 2, False),
        (False, 1001, 0, True),
        (False, None, 0, True),
        (False, 0, 3, True),
        (True, 0, 0, True),
    ],
)
def test_another_one_is_needed_for_much_for_many_and_for_what_is_in_use(
    *, force: bool, stored: int | None, alone: int, expected: bool
) -> None:
    found = needs_another(force=force, stored_bytes=stored, alone=alone, bytes_alone=1000, grids_alone=3)
    assert found is expected
