"""Which backups may go."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from s4_ops.backup.manifest import Manifest


class Keep(msgspec.Struct, frozen=True):
    """The newest of each of so many days, weeks and months (UTC) stay; and the newest of all, always."""

    days: int
    weeks: int
    months: int


def superfluous(finished: Sequence[Manifest], keep: Keep) -> list[Manifest]:
    """Those that no rule keeps, oldest first."""
    newest_first = sorted(finished, key=lambda each: each.taken_at, reverse=True)
    kept = {each.id for each in newest_first[:1]}
    for form, count in (("%Y-%m-%d", keep.days), ("%G-%V", keep.weeks), ("%Y-%m", keep.months)):
        kept |= _newest_of_each(newest_first, form, count)
    return [each for each in reversed(newest_first) if each.id not in kept]


def abandoned(unfinished: Iterable[str], now: datetime, after: timedelta) -> list[str]:
    """Backups that were begun so long ago that nobody is making them any more."""
    return [each for each in unfinished if _begun(each) < now - after]


def _newest_of_each(newest_first: Sequence[Manifest], form: str, count: int) -> set[str]:
    found: dict[str, str] = {}
    for each in newest_first:
        found.setdefault(each.taken_at.strftime(form), each.id)
    return set(list(found.values())[:count])


def _begun(backup: str) -> datetime:
    return datetime.strptime(f"{backup.partition('-')[0]}+0000", "%Y%m%dT%H%M%SZ%z")
