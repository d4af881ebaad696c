"""Leases of shares that are not rewritten for them: renewals are beside the shares, one object for a storage index.

A share's first lease is inside it. The leases that count are all of them together, each secret with its latest expiry.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from allmydata.storage.common import UnknownContainerVersionError
from allmydata.storage.lease import LeaseInfo
from twisted.internet.interfaces import IReactorTime

from s4_node.objects import Objects
from s4_node.s3.errors import ConditionFailed, Missing, OutOfRange
from s4_node.s3.values import Absent, Stat, Unchanged
from s4_node.storage import layout, lease_records
from s4_node.storage.container import BadContainer
from s4_node.storage.inner_leases import inner_leases
from s4_node.storage.lease_records import AnyLease
from s4_node.storage.locks import Locks
from s4_node.storage.mutable_container import DamagedContainer
from s4_node.storage.usage import Usage

DAY = 86400.0
ATTEMPTS = 5
SKEW = 3600.0  # seconds that S3's clock and ours may differ
_REMEMBERED = 2000  # storage indexes; about 1 MiB


@dataclass
class _Page:
    """A lease object as it was when last seen; no etag: there was none."""

    etag: str | None = None
    size: int | None = None
    leases: dict[bytes, AnyLease] = field(default_factory=dict)
    inside: dict[tuple[str, str], dict[bytes, AnyLease]] = field(default_factory=dict)  # by key and etag of a share


class LeaseBook:
    """The renewed leases of a grid. `within` seconds a renewal is taken as done: it would add less than that."""

    def __init__(self, objects: Objects, usage: Usage, clock: IReactorTime, *, within: float = DAY) -> None:
        self.within = within
        self._objects, self._usage, self._clock = objects, usage, clock
        self._pages: OrderedDict[bytes, _Page] = OrderedDict()
        self._locks = Locks()

    async def add(self, storage_index: bytes, lease: LeaseInfo, shares: Mapping[int, Stat]) -> None:
        """Each of these shares has this lease, for at least as long but for `within`. No shares: nothing happens.

        Raises NoSpace where too many others have leases, S3Error.
        """
        if not shares:
            return
        async with self._locks.of(storage_index):
            page = self._pages.get(storage_index) or await self._read(storage_index)
            if await self._is_done(page, lease, shares):
                return
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    await self._write(storage_index, page, lease)
                except ConditionFailed:
                    self._pages.pop(storage_index, None)
                    if attempt == ATTEMPTS:
                        raise
                    page = await self._read(storage_index)
                else:
                    return

    async def of(self, storage_index: bytes) -> list[AnyLease]:
        """The renewed leases, as they are in the bucket now."""
        return [*(await self._read(storage_index)).leases.values()]

    async def effective(self, storage_index: bytes, shares: Mapping[int, Stat]) -> list[AnyLease]:
        """The leases that count, of the first of these shares; all shares of a file have the same."""
        if not shares:
            return []
        inside = await inner_leases(self._objects, shares[min(shares)])
        return lease_records.union(inside, await self.of(storage_index))

    async def forget(self, storage_index: bytes) -> None:
        """There is no lease object: the last share is gone."""
        async with self._locks.of(storage_index):
            page = self._pages.get(storage_index) or await self._read(storage_index)
            if page.etag is not None:
                await self._delete(storage_index, page)

    @asynccontextmanager
    async def unless_renewed(self, storage_index: bytes, listed: Stat | None) -> AsyncIterator[bool]:
        """Whether the lease object is still the listed one. Inside, this node renews no lease of the storage index."""
        async with self._locks.of(storage_index):
            page = await self._read(storage_index)
            yield page.etag == (listed.etag if listed else None)

    async def _delete(self, storage_index: bytes, page: _Page) -> None:
        key = layout.leases(storage_index)
        self._pages.pop(storage_index, None)
        with self._usage.changing(key, page.size, None):
            await self._objects.delete(key)

    async def _read(self, storage_index: bytes) -> _Page:
        page = _Page()
        try:
            got = await self._objects.get(layout.leases(storage_index))
            page = _Page(got.etag, got.size, lease_records.parse(got.body))
        except (Missing, OutOfRange):
            pass
        self._remember(storage_index, page)
        return page

    async def _is_done(self, page: _Page, lease: LeaseInfo, shares: Mapping[int, Stat]) -> bool:
        secret, enough = lease_records.secret_of(lease), lease.get_expiration_time() - self.within
        if _lasts(page.leases, secret, enough):
            return True
        for stat in shares.values():
            inside = page.inside.get((stat.key, stat.etag))
            if inside is None:
                # A lease inside is no younger than its share, so one that would do is in a share that is young itself.
                if stat.modified.timestamp() < self._clock.seconds() - self.within - SKEW:
                    return False
                inside = await self._inside(stat)
                page.inside[stat.key, stat.etag] = inside
            if not _lasts(inside, secret, enough):
                return False
        return True

    async def _inside(self, stat: Stat) -> dict[bytes, AnyLease]:
        try:
            found = await inner_leases(self._objects, stat)
        except (Missing, ConditionFailed, BadContainer, DamagedContainer, UnknownContainerVersionError):
            return {}  # whatever it is, the renewal beside it does no harm
        return {lease_records.secret_of(one): one for one in found}

    async def _write(self, storage_index: bytes, page: _Page, lease: LeaseInfo) -> None:
        key = layout.leases(storage_index)
        leases = lease_records.with_lease(page.leases, lease, self._clock.seconds())
        body = lease_records.text(leases.values())
        self._pages.pop(storage_index, None)
        with self._usage.changing(key, page.size, len(body)):
            etag = await self._objects.put(key, body, only_if=Absent() if page.etag is None else Unchanged(page.etag))
        self._remember(storage_index, _Page(etag, len(body), lease_records.parse(body), page.inside))

    def _remember(self, storage_index: bytes, page: _Page) -> None:
        self._pages[storage_index] = page
        self._pages.move_to_end(storage_index)
        if len(self._pages) > _REMEMBERED:
            self._pages.popitem(last=False)


def _lasts(leases: Mapping[bytes, AnyLease], secret: bytes, enough: float) -> bool:
    return secret in leases and leases[secret].get_expiration_time() >= enough
