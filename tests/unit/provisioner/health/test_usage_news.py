from datetime import UTC, datetime, timedelta

import pytest

from s4_provisioner.health.usage import is_news

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATELY, YESTERDAY = NOW - timedelta(hours=1), NOW - timedelta(days=1)
GIB, MIB = 2**30, 2**20


@pytest.mark.parametrize(
    ("held", "told", "told_at", "expected"),
    [
        (0, None, None, True),
        (0, 0, LATELY, False),
        (1, 0, LATELY, True),
        (100 * MIB, 100 * MIB, LATELY, False),
        (101 * MIB, 100 * MIB, LATELY, False),
        (102 * MIB, 100 * MIB, LATELY, True),
        (98 * MIB, 100 * MIB, LATELY, True),
        (100 * GIB + 64 * MIB, 100 * GIB, LATELY, False),
        (100 * GIB + 65 * MIB, 100 * GIB, LATELY, True),
        (100 * MIB, 100 * MIB, YESTERDAY, True),
    ],
)
def test_it_is_news_when_it_has_changed_noticeably_or_a_day_has_passed(
    held: int, told: int | None, told_at: datetime | None, *, expected: bool
) -> None:
    assert is_news(held, told, told_at, NOW) is expected
