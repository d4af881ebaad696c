"""The mutable shares of a grid as they are now: remembered with their etags, and asked for again before use.

A HEAD, which costs a twelfth of a LIST at Amazon, tells whether what is remembered is still so.
"""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

from allmydata.storage.common import UnknownMutableContainerVersionError
from twisted.internet.defer import Deferred, DeferredList

from s4_node.objects import Objects
from s4_node.s3.errors import ConditionFailed, Missing, OutOfRange
from s4_node.s3.values import Stat
from s4_node.settings import MIB
from s4_node.storage import layout
from s4_node.storage.blocks import Blocks
from s4_node.storage.damages import Damages
from s4_node.storage.listing import Listings, Shares
from s4_node.storage.locks import Allowance
from s4_node.storage.mutable_container import DamagedContainer, Header, ReadVector, parse_header

SMALL = 4 * MIB  # a container up to this size is held whole; a larger one is read by ranges
FIRST = MIB  # is read of one whose size is not known
GLIMPSE = 64 * 1024  # bytes of a larger one that are read with its header
_MOST = 4096


@dataclass(frozen=True)
class HeldShare:
    """One version of a share: all of its bytes, or the first of them."""

    stat: Stat
    header: Header
    beginning: bytes = field(repr=False)

    @property
    def is_whole(self) -> bool:
        """Whether all bytes are held."""
        return len(self.beginning) == self.stat.size


Held = dict[int, HeldShare]


class SlotShares:
    """Raises S3Error; of what is no mutable share UnknownMutableContainerVersionError or DamagedContainer."""

    def __init__(
        self,
        objects: Objects,
        listings: Listings,
        blocks: Blocks,
        memory: Allowance,
        *,
        cache_bytes: int,
        is_only_writer: bool,
    ) -> None:
        self._objects, self._listings, self._blocks, self._memory = objects, listings, blocks, memory
        self._cap, self._is_only_writer = cache_bytes, is_only_writer
        self._kept: OrderedDict[str, HeldShare] = OrderedDict()
        self._kept_bytes = 0
        self._damages = Damages()
        if is_only_writer:  # nobody looks again whether these are still so
            listings.watch(self._forget_all)

    def remembered(self, storage_index: bytes) -> Held | None:
        """All shares as they were when last seen, without a request; None when one of them is not remembered."""
        stats = self._listings.known(storage_index)
        if stats is None:
            return None
        held = {number: self._kept.get(stat.key) for number, stat in stats.items()}
        found = {number: share for number, share in held.items() if share is not None}
        return found if len(found) == len(stats) else None

    async def numbers(self, storage_index: bytes) -> set[int]:
        """Which shares there are. That there are none is asked at this moment."""
        return set(self._listings.known(storage_index) or await self._listings.fresh(storage_index, 0.0))

    async def current(self, storage_index: bytes, wanted: Collection[int] = (), *, surely: bool = False) -> Held:
        """The wanted shares that exist, or all, as they are now. Those that are named cost no LIST.

        Of all, one that another node has created within half a minute may be missing beside others, unless `surely`.
        """
        if wanted:
            return await self._named(storage_index, set(wanted))
        stats = None if surely else self._listings.known(storage_index)
        if stats:
            held = await self._load(stats, is_fresh=False)
            if len(held) == len(stats):
                return held
        stats = await self._listings.fresh(storage_index, 0.0)
        return await self._load(stats, is_fresh=True)

    async def read(self, share: HeldShare, vector: ReadVector) -> list[bytes]:
        """The data of each place. Raises ConditionFailed or Missing when the share is not this version any more."""
        return [await self._read(share, offset, length) for offset, length in vector]

    def put(self, storage_index: bytes, number: int, share: HeldShare) -> None:
        """This node has written it."""
        self._remember(share)
        self._listings.put(storage_index, number, share.stat)

    def removed(self, storage_index: bytes, number: int) -> None:
        """This node has deleted it."""
        self.forget(layout.share(storage_index, number))
        self._listings.remove(storage_index, number)

    def forget(self, key: str) -> None:
        """It is read again before it is believed."""
        share = self._kept.pop(key, None)
        if share is not None:
            self._kept_bytes -= len(share.beginning)

    def _forget_all(self, storage_index: bytes) -> None:
        prefix = layout.shares_of(storage_index)
        for key in [key for key in self._kept if key.startswith(prefix)]:
            self.forget(key)

    async def _named(self, storage_index: bytes, wanted: set[int]) -> Held:
        known = self._listings.known(storage_index) or {}
        unknown = datetime.fromtimestamp(0, UTC)
        stats = {
            number: known.get(number) or Stat(layout.share(storage_index, number), FIRST, "", unknown)
            for number in wanted
        }
        held = await self._load(stats, is_fresh=False)
        if not known.keys().isdisjoint(wanted - held.keys()):
            self._listings.forget(storage_index)
        return held

    async def _load(self, stats: Shares, *, is_fresh: bool) -> Held:
        """Those that are there. `is_fresh`: these stats were listed just now."""
        loading = [Deferred.fromCoroutine(self._one(stat, is_fresh=is_fresh)) for stat in stats.values()]
        outcomes = await DeferredList(loading, consumeErrors=True)
        for is_loaded, outcome in outcomes:
            if not is_loaded:
                outcome.raiseException()
        return {number: share for number, (_, share) in zip(stats, outcomes, strict=True) if share is not None}

    async def _one(self, stat: Stat, *, is_fresh: bool) -> HeldShare | None:
        kept = self._kept.get(stat.key)
        try:
            if kept is not None:
                etag = stat.etag if is_fresh else kept.stat.etag
                if not is_fresh and not self._is_only_writer:
                    stat = await self._objects.head(stat.key)
                    etag = stat.etag
                if etag == kept.stat.etag:
                    self._remember(kept)
                    return kept
            try:
                return await self._get(stat)
            except ConditionFailed:  # it was written between its first bytes and its last
                return await self._get(stat)
        except Missing:
            self.forget(stat.key)
            return None
        except OutOfRange:
            self._damages.say(stat, "it is empty")
            raise DamagedContainer(f"{stat.key}: it is empty") from None

    async def _get(self, stat: Stat) -> HeldShare:
        most = SMALL if FIRST < stat.size <= SMALL else FIRST if stat.size <= FIRST else GLIMPSE
        async with self._memory.of(min(stat.size, most)):
            got = await self._objects.get(stat.key, 0, most)
        now = Stat(stat.key, got.size, got.etag, got.modified)
        header = self._header(now, got.body)
        body = got.body
        if most < got.size <= SMALL:
            async with self._memory.of(got.size):
                body += (await self._objects.get(stat.key, most, etag=got.etag)).body
        share = HeldShare(now, header, body)
        self._remember(share)
        return share

    def _header(self, stat: Stat, beginning: bytes) -> Header:
        try:
            return parse_header(beginning, stat.size, stat.key)
        except UnknownMutableContainerVersionError:
            self._damages.say(stat, "it does not begin as a mutable share does")
            raise
        except DamagedContainer as damaged:
            self._damages.say(stat, str(damaged).removeprefix(f"{stat.key}: "))
            raise

    async def _read(self, share: HeldShare, offset: int, length: int) -> bytes:
        start, end = share.header.span(offset, length)
        if end <= len(share.beginning):
            return share.beginning[start:end]
        found: bytes = await self._blocks.read(share.stat, start, end - start)
        return found

    def _remember(self, share: HeldShare) -> None:
        self.forget(share.stat.key)
        self._kept[share.stat.key] = share
        self._kept_bytes += len(share.beginning)
        while self._kept_bytes > self._cap or len(self._kept) > _MOST:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= len(oldest.beginning)
