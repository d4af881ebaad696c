"""Who reads an object from front to back, and how far ahead of them it is worth reading.

A client of Tahoe-LAFS reads the header, then for each segment its data, right behind that of the segment before, and
between them single hashes from the trees near the end (allmydata.immutable.downloader.share). So there are several
places in one object where somebody reads on, and only the one where much was read in a row deserves reading ahead.
"""

from dataclasses import dataclass


@dataclass(eq=False)
class Stream:
    """A place in an object where somebody reads on."""

    end: int  # where the next read begins if it belongs here
    since: int = 0  # bytes read in a row
    reads: int = 0
    window: int = 0  # blocks to have ahead
    frontier: int = 0  # the first block that nobody has asked for yet
    touched: int = 0


class Streams:
    """The streams of one grid's readers. All sizes are in blocks, except where they say bytes."""

    def __init__(self, block_bytes: int, run: int, capacity: int) -> None:
        self._block_bytes, self.run, self._capacity = block_bytes, run, capacity
        self._of: dict[tuple[str, str], list[Stream]] = {}
        self._fetched = 0

    def __len__(self) -> int:
        """Of how many objects something is known."""
        return len(self._of)

    def follow(self, of: tuple[str, str], start: int, end: int) -> Stream:
        """The stream that this read (bytes) belongs to, a new one perhaps."""
        streams = self._of.setdefault(of, [])
        stream = next((one for one in streams if one.end == start), None)
        if stream is None:
            stream = Stream(start)
            streams.append(stream)
            if len(streams) > _PLACES:
                streams.remove(min(streams[:-1], key=lambda one: (one.since, one.touched)))
        before = stream.end // self._block_bytes
        stream.end, stream.since, stream.reads = end, stream.since + end - start, stream.reads + 1
        stream.touched = self._fetched
        self._widen(stream, entered=end // self._block_bytes > before)
        return stream

    def stalled(self, stream: Stream) -> None:
        """The reader had to wait although it was read ahead: it is faster than that."""
        if stream.window >= 2 * self.run:
            stream.window = min(4 * self.run, self._share())

    def ahead(self, stream: Stream, total: int) -> range:
        """The blocks to ask for now; `total` is how many the object has. They count as asked for."""
        position = -(-stream.end // self._block_bytes)  # the first block that the reader has not begun
        stream.frontier = max(stream.frontier, position)
        enough = stream.window - min(self.run, (stream.window + 1) // 2)  # so that whole runs are asked for
        if stream.window == 0 or stream.frontier - position > enough:
            return range(0)
        first, stream.frontier = stream.frontier, max(stream.frontier, min(position + stream.window, total))
        return range(first, stream.frontier)

    def fetched(self, blocks: int) -> None:
        """So many blocks more were asked for; streams that nobody has touched for a whole memory of blocks are over."""
        self._fetched += blocks
        if len(self._of) > 2 * self._capacity:
            self._of = {of: live for of, streams in self._of.items() if (live := [*filter(self._is_live, streams)])}

    def _widen(self, stream: Stream, *, entered: bool) -> None:
        if stream.reads < _LEAST_READS or stream.since < self._block_bytes // 4:
            return
        if stream.window == 0 or (entered and stream.window < 2 * self.run):
            stream.window = min(max(1, 2 * stream.window), 2 * self.run)
        stream.window = min(stream.window, self._share())

    def _share(self) -> int:
        """What one stream may have ahead so that all that are read ahead leave half of the memory alone."""
        reading = sum(one.window > 0 and self._is_live(one) for streams in self._of.values() for one in streams)
        return self._capacity // (2 * max(1, reading))

    def _is_live(self, stream: Stream) -> bool:
        return self._fetched - stream.touched < self._capacity


_PLACES = 8  # in one object; more than a client has reads on their way at once
_LEAST_READS = 2
