"""Memory for blocks of shares: a budget for the process, a cap for each grid, and room for what is still on its way."""

from collections import OrderedDict, deque
from typing import NamedTuple

from twisted.internet.defer import Deferred, fail, succeed

from s4_node.workers import Stopped


class BlockName(NamedTuple):
    """Which block of which object; another etag is another object."""

    key: str
    etag: str
    number: int


class Cache:
    """What all grids of a process hold in memory; `budget` (bytes) counts what is on its way too."""

    def __init__(self, budget: int) -> None:
        self.budget, self.used = budget, 0
        self._grids: list[GridCache] = []
        self._waiting: deque[tuple[GridCache, int, Deferred[None]]] = deque()

    def for_grid(self, name: str, cap: int) -> "GridCache":
        """One grid's part. It takes no more than `cap` bytes, and gives way to others when the budget is short."""
        grid = GridCache(self, name, min(cap, self.budget))
        self._grids.append(grid)
        return grid

    @property
    def grids(self) -> "tuple[GridCache, ...]":
        """The grids' parts, for who counts `used`."""
        return tuple(self._grids)

    def leave(self, grid: "GridCache") -> None:
        """This grid is served no more; what waits for its room fails with Stopped."""
        if grid in self._grids:
            self._grids.remove(grid)
        for one in [one for one in self._waiting if one[0] is grid]:
            self._waiting.remove(one)
            one[2].errback(Stopped())

    def wait_for_room(self, grid: "GridCache", size: int) -> "Deferred[None]":
        """Fires when the room is taken; the first to ask is the first to get, except for a grid at its cap."""
        answer: Deferred[None] = Deferred()
        self._waiting.append((grid, size, answer))
        return answer

    def room_was_made(self) -> None:
        """Whoever waits for room may have it now."""
        waiting, self._waiting = self._waiting, deque()
        still = deque(one for one in waiting if not one[0].take_room(one[1]))
        self._waiting = still + self._waiting
        for one in waiting:
            if one not in still:
                one[2].callback(None)

    def could_hold(self, size: int) -> bool:
        """There is so much room if whatever can be evicted is."""
        return self.used - sum(grid.kept for grid in self._grids) + size <= self.budget

    def evict_for(self, size: int) -> None:
        """Make room: the grid that holds most gives its oldest. It could_hold so much."""
        while self.used + size > self.budget:
            max(self._grids, key=lambda grid: grid.kept).evict()


class GridCache:
    """One grid's blocks, the longest unused evicted first."""

    def __init__(self, cache: Cache, name: str, cap: int) -> None:
        self.name, self.cap = name, cap
        self.kept, self.coming = 0, 0  # bytes
        self.hits, self.misses = 0, 0  # blocks
        self._cache = cache
        self._blocks: OrderedDict[BlockName, bytes] = OrderedDict()

    @property
    def used(self) -> int:
        """Bytes of blocks held, and of blocks on their way."""
        return self.kept + self.coming

    def get(self, name: BlockName) -> bytes | None:
        """The block, if it is here; it was used now."""
        block = self._blocks.get(name)
        if block is None:
            self.misses += 1
        else:
            self.hits += 1
            self._blocks.move_to_end(name)
        return block

    def __contains__(self, name: BlockName) -> bool:
        return name in self._blocks

    def take_room(self, size: int) -> bool:
        """Room for something that will come, if it can be had now: then give_back or keep must follow."""
        if self.coming + size > self.cap or not self._cache.could_hold(size):
            return False
        while self.used + size > self.cap:
            self.evict()
        self._cache.evict_for(size)
        self.coming += size
        self._cache.used += size
        return True

    def room(self, size: int) -> "Deferred[None]":
        """The same, as soon as it can be had. `size` must not be more than the cap, or this never happens."""
        if self.cap == 0:
            return fail(Stopped())
        return succeed(None) if self.take_room(size) else self._cache.wait_for_room(self, size)

    def give_back(self, size: int) -> None:
        """What should have come does not."""
        self.coming -= size
        self._cache.used -= size
        self._cache.room_was_made()

    def keep(self, size: int, blocks: dict[BlockName, bytes]) -> None:
        """It came, into room of this size."""
        for name, block in blocks.items() if self.cap else ():
            self._drop(name)
            self._blocks[name] = block
            self.kept += len(block)
            self._cache.used += len(block)
        self.give_back(size)

    def evict(self) -> bool:
        """Give up the block that was unused for longest. False when there is none."""
        if not self._blocks:
            return False
        self._drop(next(iter(self._blocks)))
        return True

    def close(self) -> None:
        """Give everything back; this grid is served no more. Twice is fine."""
        self.cap = 0  # what is still on its way is not kept
        self._cache.leave(self)
        while self.evict():
            pass
        self._cache.room_was_made()

    def _drop(self, name: BlockName) -> None:
        block = self._blocks.pop(name, None)
        if block is not None:
            self.kept -= len(block)
            self._cache.used -= len(block)
