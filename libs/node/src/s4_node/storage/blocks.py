"""Reads objects in aligned blocks: held in memory, asked for once however many want them, and ahead of who reads on.

One GET covers several blocks where they are wanted together. Every GET carries the etag, so that bytes of two versions
of an object never mix.
"""

from dataclasses import dataclass, field

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from s4_node.objects import Objects
from s4_node.s3.errors import ConditionFailed
from s4_node.s3.values import Got, Stat
from s4_node.settings import StorageSettings
from s4_node.storage.cache import BlockName, GridCache
from s4_node.storage.streams import Stream, Streams


@dataclass(eq=False)
class _Fetch:
    """One GET of some blocks in a row."""

    stat: Stat
    blocks: range
    asked: "Deferred[Got] | None" = None
    waiting: list[tuple[int, "Deferred[bytes]"]] = field(default_factory=list)


class Blocks:
    """The bytes of a grid's objects. Raises what a GET raises: Missing, ConditionFailed, Unavailable, ..."""

    def __init__(self, objects: Objects, cache: GridCache, settings: StorageSettings) -> None:
        self._objects, self._unhurried = objects, objects.unhurried()
        self._cache = cache
        self._block = min(settings.block_bytes, cache.cap // 4)
        self._run = max(1, min(settings.read_ahead, cache.cap // 4 // self._block))
        self._reads_ahead = settings.read_ahead > 0
        self._streams = Streams(self._block, self._run, cache.cap // self._block)
        self._coming: dict[BlockName, _Fetch] = {}

    def read(self, stat: Stat, offset: int, length: int) -> "Deferred[bytes]":
        """So many bytes from there, fewer where the object ends."""
        end = min(offset + length, stat.size)
        if offset >= end:
            return succeed(b"")
        stream = self._streams.follow((stat.key, stat.etag), offset, end)
        first, last = offset // self._block, (end - 1) // self._block
        name = BlockName(stat.key, stat.etag, first)
        if first == last and name in self._cache and (block := self._cache.get(name)) is not None:
            self._read_ahead(stat, stream)
            return succeed(self._cut(block, first, offset, end))
        return Deferred.fromCoroutine(self._gather(stat, stream, offset, end))

    async def _gather(self, stat: Stat, stream: Stream, offset: int, end: int) -> bytes:
        pieces = []
        last = (end - 1) // self._block
        for index in range(offset // self._block, last + 1):
            name = BlockName(stat.key, stat.etag, index)
            block = self._cache.get(name)
            if block is None:
                if name in self._coming:
                    self._streams.stalled(stream)
                wanted = self._want(stat, range(index, min(last + 1, index + 2 * self._run)))
                self._read_ahead(stat, stream)
                block = await wanted
            pieces.append(self._cut(block, index, offset, end))
        self._read_ahead(stat, stream)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _cut(self, block: bytes, index: int, offset: int, end: int) -> bytes:
        start = index * self._block
        return block[max(0, offset - start) : end - start]

    def _want(self, stat: Stat, blocks: range) -> "Deferred[bytes]":
        """The first of these blocks; those of them that are neither here nor coming are asked for."""
        fetches = [self._begin(stat, run) for run in self._missing(stat, blocks)]
        coming = self._coming[BlockName(stat.key, stat.etag, blocks.start)]
        answer: Deferred[bytes] = Deferred()
        coming.waiting.append((blocks.start, answer))
        if coming.asked is not None:
            self._objects.hurry(coming.asked)
        for fetch in fetches:
            room = self._cache.room(self._bytes(stat, fetch.blocks))
            room.addCallbacks(self._get, self._failed, (fetch, self._objects), errbackArgs=(fetch,))
        return answer

    def _read_ahead(self, stat: Stat, stream: Stream) -> None:
        if not self._reads_ahead:
            return
        total = -(-stat.size // self._block)
        for run in self._missing(stat, self._streams.ahead(stream, total)):
            if not self._cache.take_room(self._bytes(stat, run)):
                stream.frontier = min(stream.frontier, run.start)
                return
            self._get(None, self._begin(stat, run), self._unhurried)

    def _missing(self, stat: Stat, blocks: range) -> list[range]:
        """Of these blocks those nobody has asked for, in runs for one GET each."""
        runs: list[range] = []
        for index in blocks:
            name = BlockName(stat.key, stat.etag, index)
            if name in self._cache or name in self._coming:
                continue
            if runs and runs[-1].stop == index and len(runs[-1]) < self._run:
                runs[-1] = range(runs[-1].start, index + 1)
            else:
                runs.append(range(index, index + 1))
        return runs

    def _begin(self, stat: Stat, run: range) -> _Fetch:
        fetch = _Fetch(stat, run)
        for index in run:
            self._coming[BlockName(stat.key, stat.etag, index)] = fetch
        self._streams.fetched(len(run))
        return fetch

    def _get(self, _: None, fetch: _Fetch, objects: Objects) -> None:
        """There is room for it."""
        start, size = fetch.blocks.start * self._block, self._bytes(fetch.stat, fetch.blocks)
        fetch.asked = objects.get(fetch.stat.key, start, start + size, etag=fetch.stat.etag)
        fetch.asked.addCallback(self._got, fetch, size).addErrback(self._failed, fetch, size)

    def _got(self, got: Got, fetch: _Fetch, size: int) -> None:
        if (len(got.body), got.size) != (size, fetch.stat.size):
            raise ConditionFailed("GET", "Changed", detail="another length than it was listed with")
        blocks = {index: self._block_of(got.body, fetch.blocks, index) for index in fetch.blocks}
        self._end(fetch)
        names = {BlockName(fetch.stat.key, fetch.stat.etag, index): block for index, block in blocks.items()}
        self._cache.keep(size, names)
        for index, answer in fetch.waiting:
            answer.callback(blocks[index])

    def _block_of(self, body: bytes, run: range, index: int) -> bytes:
        start = (index - run.start) * self._block
        return body[start : start + self._block]  # the body itself when it is one block

    def _failed(self, failure: Failure, fetch: _Fetch, size: int = 0) -> None:
        self._end(fetch)
        self._cache.give_back(size)
        for _, answer in fetch.waiting:
            answer.errback(failure)

    def _end(self, fetch: _Fetch) -> None:
        for index in fetch.blocks:
            del self._coming[BlockName(fetch.stat.key, fetch.stat.etag, index)]

    def _bytes(self, stat: Stat, run: range) -> int:
        return min(run.stop * self._block, stat.size) - run.start * self._block
