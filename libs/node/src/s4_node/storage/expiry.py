"""Shares whose leases have all run out are deleted, if the operator says so; by default nothing is ever deleted.

The rules are those of Tahoe-LAFS' [storage] expire.* settings, but no lease is read: what is youngest of a share and of
the renewals beside it tells when it was last leased. That is two LISTs for 1000 shares. A share is looked at again, and
its renewals too, just before it is deleted.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from enum import Enum

from allmydata.storage.common import si_b2a
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from s4_node.objects import Objects
from s4_node.s3.errors import ConditionFailed, Missing, OutOfRange
from s4_node.s3.values import Stat, Unchanged
from s4_node.storage import layout
from s4_node.storage.inner_leases import is_mutable
from s4_node.storage.leases import SKEW, LeaseBook
from s4_node.storage.listing import Listings
from s4_node.storage.mutable_container import MAGIC_BYTES
from s4_node.storage.rounds import Rounds
from s4_node.storage.tally import Amount
from s4_node.storage.usage import Usage

DURATION = 31 * 86400  # seconds that Tahoe-LAFS' leases last
EVERY = 12 * 3600.0  # seconds; the disk backend's crawler takes as long at least
SPREAD = 3600.0

_log = Logger()


class Kind(Enum):
    """What a share is, by its first bytes."""

    MUTABLE = "mutable"
    IMMUTABLE = "immutable"


@dataclass(frozen=True)
class ExpiryRules:
    """What [storage] expire.* says: a cutoff (seconds since 1970), or an age (seconds) since the last renewal."""

    is_enabled: bool = False
    age: float = DURATION
    cutoff: float | None = None
    kinds: frozenset[Kind] = frozenset(Kind)

    def has_expired(self, leased_at: float, now: float, slack: float) -> bool:
        """`slack`: seconds by which a lease may be younger than what was written for it last."""
        if self.cutoff is not None:
            return leased_at + slack < self.cutoff
        return now - leased_at > self.age + slack


def rules(
    *,
    enabled: bool,
    mode: str = "age",
    override_lease_duration: int | None = None,
    cutoff_date: int | None = None,
    sharetypes: tuple[str, ...] = ("mutable", "immutable"),
) -> ExpiryRules:
    """The rules of the arguments that the disk backend's server takes. Raises ValueError.

    Without override_lease_duration a lease lasts 31 days, as Tahoe-LAFS' documentation says (garbage-collection.rst).
    Its code compares an age with a date there, and so expires nothing.
    """
    kinds = frozenset(Kind(name) for name in sharetypes)
    if mode == "age":
        return ExpiryRules(
            enabled, DURATION if override_lease_duration is None else override_lease_duration, None, kinds
        )
    if mode != "cutoff-date" or cutoff_date is None:
        raise ValueError(f"GC mode '{mode}' must be 'age' or 'cutoff-date'")
    return ExpiryRules(enabled, DURATION, cutoff_date, kinds)


@dataclass(frozen=True)
class Report:
    """What a sweep has found: all shares, those that have expired, and those of them that are deleted."""

    examined: Amount = field(default_factory=Amount)
    expired: Amount = field(default_factory=Amount)
    deleted: Amount = field(default_factory=Amount)
    kept: int = 0  # expired by the listing, but leased again, rewritten, or of a kind that does not expire
    seconds: float = 0.0


@dataclass
class _Bucket:
    """The shares of one storage index and its renewals."""

    storage_index: bytes
    shares: list[Stat] = field(default_factory=list)
    renewals: Stat | None = None


class Expiry:
    """The sweep of one grid, every twelve hours or so while it is served."""

    def __init__(
        self,
        objects: Objects,
        listings: Listings,
        leases: LeaseBook,
        usage: Usage,
        *,
        rules: ExpiryRules,
        clock: IReactorTime,
    ) -> None:
        self.rules = rules
        self.last: Report | None = None
        self.rounds = Rounds("expiry", self.sweep, every=EVERY, clock=clock)
        self._objects, self._listings, self._leases, self._usage = objects.unhurried(), listings, leases, usage
        self._clock = clock

    def start(self) -> None:
        """Sweep from now on, if the rules are enabled."""
        if self.rules.is_enabled:
            self.rounds.start(SPREAD)

    def stop(self) -> "Deferred[None]":
        """No sweep is under way."""
        return self.rounds.stop()

    async def sweep(self, *, dry_run: bool = False) -> Report:
        """Everything was looked at once, and what has expired is deleted if the rules are enabled. Raises S3Error."""
        began, report = self._clock.seconds(), Report()
        is_real = self.rules.is_enabled and not dry_run
        async for bucket in self._buckets():
            report = replace(report, examined=_plus(report.examined, bucket.shares))
            expired = self._expired(bucket, began)
            report = await self._end(bucket, expired, report, is_real=is_real) if expired else report
        report = replace(report, seconds=self._clock.seconds() - began)
        _log.info(
            "expiry.swept",
            dry_run=not is_real,
            examined=report.examined.objects,
            expired=report.expired.objects,
            deleted=report.deleted.objects,
            deleted_bytes=report.deleted.bytes,
            kept=report.kept,
        )
        self.last = report
        return report

    def _expired(self, bucket: _Bucket, now: float) -> list[Stat]:
        # Renewals are left out that would add less than `within` (leases.py), so a lease may be so much younger.
        slack = self._leases.within + SKEW
        renewed = bucket.renewals.modified.timestamp() if bucket.renewals else float("-inf")
        return [
            stat
            for stat in bucket.shares
            if self.rules.has_expired(max(renewed, stat.modified.timestamp()), now, slack)
        ]

    async def _end(self, bucket: _Bucket, expired: list[Stat], report: Report, *, is_real: bool) -> Report:
        right = [stat for stat in expired if await self._is_of_a_kind(stat)]
        deleted: list[Stat] = []
        if is_real and right:
            deleted = await self._delete(bucket, right)
        report = replace(report, expired=_plus(report.expired, right), deleted=_plus(report.deleted, deleted))
        return replace(report, kept=report.kept + len(expired) - (len(deleted) if is_real else len(right)))

    async def _is_of_a_kind(self, stat: Stat) -> bool:
        if self.rules.kinds == frozenset(Kind):
            return True
        try:
            got = await self._objects.get(stat.key, 0, MAGIC_BYTES)
        except (Missing, OutOfRange):
            return False
        return (Kind.MUTABLE if is_mutable(got.body) else Kind.IMMUTABLE) in self.rules.kinds

    async def _delete(self, bucket: _Bucket, stats: list[Stat]) -> list[Stat]:
        """Those that were deleted: none, if a client has renewed its lease since the listing."""
        async with self._leases.unless_renewed(bucket.storage_index, bucket.renewals) as is_unchanged:
            if not is_unchanged:
                return []
            try:
                deleted = [stat for stat in stats if await self._delete_share(stat)]
            finally:  # before it is a client's turn, who would take them for leased
                self._listings.forget(bucket.storage_index)
        if len(deleted) == len(bucket.shares) and bucket.renewals is not None:
            await self._leases.forget(bucket.storage_index)
        _log.info("shares.expired", storage_index=si_b2a(bucket.storage_index).decode("ascii"), shares=len(deleted))
        return deleted

    async def _delete_share(self, stat: Stat) -> bool:
        try:
            with self._usage.changing(stat.key, stat.size, None):
                await self._objects.delete(stat.key, only_if=Unchanged(stat.etag))
        except ConditionFailed:
            return False
        return True

    async def _buckets(self) -> AsyncIterator[_Bucket]:
        """Every storage index that has shares, in the order of the keys; both listings are in that order."""
        renewals = _Pages(self._objects, layout.LEASES)
        bucket: _Bucket | None = None
        async for stat in _Pages(self._objects, layout.SHARES):
            name = layout.share_name(stat.key)
            if name is None:
                continue
            if bucket is None or bucket.storage_index != name.storage_index:
                if bucket is not None:
                    yield bucket
                bucket = _Bucket(name.storage_index, [], await renewals.at(layout.leases(name.storage_index)))
            bucket.shares.append(stat)
        if bucket is not None:
            yield bucket


class _Pages:
    """A listing, page by page."""

    def __init__(self, objects: Objects, prefix: str) -> None:
        self._objects, self._prefix = objects, prefix
        self._page: list[Stat] = []
        self._following: str | None = ""

    def __aiter__(self) -> "_Pages":
        return self

    async def __anext__(self) -> Stat:
        stat = await self._head()
        if stat is None:
            raise StopAsyncIteration
        return self._page.pop()

    async def at(self, key: str) -> Stat | None:
        """The object with this key; those before it are passed over."""
        while (stat := await self._head()) is not None and stat.key < key:
            self._page.pop()
        return stat if stat is not None and stat.key == key else None

    async def _head(self) -> Stat | None:
        while not self._page and self._following is not None:
            page, self._following = await self._objects.list_page(self._prefix, self._following)
            self._page = page[::-1]
        return self._page[-1] if self._page else None


def _plus(amount: Amount, stats: list[Stat]) -> Amount:
    for stat in stats:
        amount = amount.changed(None, stat.size)
    return amount
