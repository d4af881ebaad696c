from datetime import UTC, datetime, timedelta
from itertools import product
from typing import get_args, get_type_hints

import pytest

from s4_provisioner.health.verdict import STRANGE, Alarm, Fine, Lost, Marks, Retire, Sight, Wait, marked, noted, verdict
from support.provisioner import some_settings

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LIMITS = some_settings("postgresql://nowhere", silent_limit=timedelta(minutes=3), impaired_limit=timedelta(minutes=5))
SHORT, LONG = NOW - timedelta(minutes=1), NOW - timedelta(minutes=6)
PLATFORMS = get_args(get_type_hints(Sight)["platform"])
REPORTS = get_args(get_type_hints(Sight)["report"])
SIGHTS = [
    Sight(greets=greets, platform=platform, impaired=impaired, retires_at=retires, report=report, ailment=ailment)
    for greets, platform, impaired, retires, report, ailment in product(
        (True, False), PLATFORMS, (None, True, False), (None, NOW), REPORTS, (None, "clock-off")
    )
]
MARKS = [
    Marks(
        silent_since=silent,
        silent_looks=3 if silent else 0,
        impaired_since=impaired,
        impaired_looks=3 if impaired else 0,
        alarm=alarm,
    )
    for silent, impaired, alarm in product((None, SHORT, LONG), (None, SHORT, LONG), (None, STRANGE, "clock-off"))
]


def found(sight: Sight, marks: Marks) -> object:
    return verdict(sight, marked(marks, sight, NOW), LIMITS, NOW)


def test_every_pair_of_a_sight_and_a_record_decides() -> None:
    for sight, marks in product(SIGHTS, MARKS):
        decided = found(sight, marks)
        assert isinstance(decided, Fine | Wait | Lost | Retire | Alarm)
        if sight.platform in {"gone", "ending", "moved"}:
            assert isinstance(decided, Lost)


def test_a_host_is_lost_only_by_the_platforms_word_or_when_the_platform_was_asked() -> None:
    for sight, marks in product(SIGHTS, MARKS):
        decided = found(sight, marks)
        if isinstance(decided, Lost) and decided.code != "impaired":
            assert sight.platform != "unasked"


def test_who_answers_with_another_key_is_lost_only_by_the_platforms_word() -> None:
    for sight, marks in product(SIGHTS, MARKS):
        if sight.report == "strange" and sight.platform in {"alive", "unasked"}:
            assert found(sight, marks) == Alarm(STRANGE)


FINE = Sight(greets=True, platform="alive", impaired=False, report="told")


@pytest.mark.parametrize(
    ("sight", "marks", "expected"),
    [
        (FINE, Marks(), Fine()),
        (Sight(greets=True), Marks(), Fine()),
        (FINE, Marks(silent_since=LONG, silent_looks=9, impaired_since=LONG, impaired_looks=9), Fine()),
        (Sight(greets=False, platform="gone"), Marks(), Lost("machine-gone")),
        (Sight(greets=True, platform="ending"), Marks(), Lost("machine-ending")),
        (Sight(greets=True, platform="moved"), Marks(), Lost("machine-moved")),
        (Sight(greets=False, platform="alive"), Marks(), Wait("silent")),
        (Sight(greets=False, platform="alive"), Marks(silent_since=SHORT, silent_looks=9), Wait("silent")),
        (Sight(greets=False, platform="alive"), Marks(silent_since=LONG, silent_looks=1), Lost("unreachable")),
        (Sight(greets=False, platform="alive"), Marks(silent_since=LONG), Wait("silent")),
        (Sight(greets=False, platform="unknown"), Marks(silent_since=LONG, silent_looks=1), Lost("unreachable")),
        (Sight(greets=False), Marks(silent_since=LONG, silent_looks=9), Wait("silent")),
        (Sight(greets=True, platform="alive", report="silent"), Marks(), Wait("silent")),
        (Sight(greets=True, platform="unknown"), Marks(), Wait("silent")),
        (Sight(greets=True, platform="unknown", report="told"), Marks(), Fine()),
        (Sight(greets=True, platform="alive", impaired=True), Marks(), Wait("impaired")),
        (
            Sight(greets=True, platform="alive", impaired=True),
            Marks(impaired_since=LONG, impaired_looks=1),
            Lost("impaired"),
        ),
        (Sight(greets=True), Marks(impaired_since=SHORT, impaired_looks=1), Wait("impaired")),
        (Sight(greets=True, platform="alive", impaired=False, retires_at=NOW), Marks(), Retire("retirement")),
        (Sight(greets=True), Marks(retires_at=NOW), Retire("retirement")),
        (FINE, Marks(retires_at=NOW), Fine()),
        (Sight(greets=True, report="strange"), Marks(), Alarm(STRANGE)),
        (Sight(greets=True, platform="unknown", report="strange"), Marks(), Lost("machine-not-ours")),
        (Sight(greets=True), Marks(alarm=STRANGE), Alarm(STRANGE)),
        (Sight(greets=False, platform="alive"), Marks(alarm=STRANGE), Wait("silent")),
        (FINE, Marks(alarm=STRANGE), Fine()),
        (Sight(greets=True, report="told", ailment="clock-off"), Marks(), Alarm("clock-off")),
        (Sight(greets=True), Marks(alarm="clock-off"), Alarm("clock-off")),
        (Sight(greets=True, report="failed"), Marks(), Alarm("report-failed")),
    ],
)
def test_what_follows(sight: Sight, marks: Marks, expected: object) -> None:
    assert found(sight, marks) == expected


def test_since_when_a_host_is_bad_is_kept_until_it_is_well() -> None:
    first = noted(Marks(), Wait("silent"), NOW)
    later = noted(first, Lost("unreachable"), NOW + timedelta(minutes=4))

    assert first.bad_since == later.bad_since == NOW
    assert noted(later, Fine(), NOW).bad_since is None
    assert noted(later, Retire("retirement"), NOW).bad_since is None
    assert noted(Marks(), Alarm("clock-off"), NOW).bad_since is None
    assert noted(Marks(), Alarm(STRANGE), NOW).bad_since == NOW
