"""Of many backups the newest of days, weeks and months stay."""

from datetime import UTC, datetime, timedelta

from s4_ops.backup.manifest import Manifest, new_id
from s4_ops.backup.prune import Keep, abandoned, superfluous
from support.backed_up import Installation

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def taken(at: datetime) -> Manifest:
    return Manifest(
        id=new_id(at), deployment="local", taken_at=at, finished_at=at, server=150000, looks=1, databases={},
        pieces=[], recipients=[],
    )  # fmt: skip


def test_the_newest_of_each_day_week_and_month_stays() -> None:
    hourly = [taken(NOON - timedelta(hours=6 * number)) for number in range(4 * 100)]

    gone = superfluous(hourly, Keep(days=7, weeks=4, months=3))

    kept = [each.taken_at for each in hourly if each not in gone]
    assert len({at.date() for at in kept}) == len(kept), "one of a day"
    assert {(NOON - timedelta(days=number)).date() for number in range(7)} <= {at.date() for at in kept}
    assert 7 + 2 <= len(kept) <= 7 + 4 + 3
    assert gone == sorted(gone, key=lambda each: each.taken_at)


def test_the_last_one_stays_whatever_is_said() -> None:
    only = taken(NOON)

    assert superfluous([only], Keep(days=0, weeks=0, months=0)) == []


def test_what_may_still_be_in_the_making_stays() -> None:
    young, old = new_id(NOON - timedelta(hours=1)), new_id(NOON - timedelta(days=3))

    assert abandoned([young, old], NOON, timedelta(days=2)) == [old]


def test_it_says_what_would_go_before_it_goes(installation: Installation, backups: object) -> None:
    rest = ("--from", backups, "--keep-days", 1)
    first = installation.create(backups)

    asked, done = installation.s4("prune", *rest), installation.s4("prune", *rest, "--yes")

    assert "would be removed" in asked.out
    assert "  removed" in done.out
    assert first in installation.s4("list", "--from", backups).out
    left = installation.s4("list", "--from", backups, "--json").facts["backups"]
    assert isinstance(left, list)
    assert len(left) == 1
