"""Which shares of a storage index are in the bucket: one LIST, remembered for a moment."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from s4_node.objects import Objects
from s4_node.s3.values import Stat
from s4_node.storage import layout

Shares = dict[int, Stat]
KEPT = 30.0  # seconds; another node of the same bucket may write meanwhile, and a client then sees it that much later
KEPT_EMPTY = 2.0  # that there is nothing, which a client takes for a loss: only the questions of one moment share it
FRESH = 1.0
_MOST = 1000  # storage indexes; about 1 MiB


@dataclass(eq=False)
class _Asked:
    """A LIST on its way; what this node writes meanwhile counts more than what it will say."""

    at: float
    waiting: list["Deferred[Shares]"] = field(default_factory=list)
    written: dict[int, Stat | None] = field(default_factory=dict)
    is_forgotten: bool = False


class Listings:
    """The shares of each storage index of a grid. A failed LIST fails those that wait for it and is not remembered."""

    def __init__(self, objects: Objects, clock: IReactorTime) -> None:
        self._objects, self._clock = objects, clock
        self._known: OrderedDict[bytes, tuple[float, Shares]] = OrderedDict()  # the oldest first
        self._asked: dict[bytes, _Asked] = {}
        self._watchers: list[Callable[[bytes], None]] = []

    def of(self, storage_index: bytes) -> "Deferred[Shares]":
        """What is there, or was at most 30 seconds ago. That nothing is there is never older than two seconds."""
        return self.fresh(storage_index, KEPT)

    def fresh(self, storage_index: bytes, within: float = FRESH) -> "Deferred[Shares]":
        """What is there, less than `within` seconds old, 0 for now: for whoever decides something by it."""
        answer: Deferred[Shares] = Deferred()
        now = self._clock.seconds()
        at, shares = self._known.get(storage_index, (float("-inf"), {}))
        if now - at < min(within, KEPT if shares else KEPT_EMPTY):
            answer.callback(dict(shares))
            return answer
        asked = self._asked.get(storage_index)
        if asked is None or asked.is_forgotten or now - asked.at >= within:
            asked = self._ask(storage_index, now)
        asked.waiting.append(answer)
        return answer

    def known(self, storage_index: bytes) -> Shares | None:
        """What `of` would say without a request; None when it would have to ask."""
        at, shares = self._known.get(storage_index, (float("-inf"), {}))
        is_young = self._clock.seconds() - at < (KEPT if shares else KEPT_EMPTY)
        return dict(shares) if is_young else None

    @property
    def remembered(self) -> int:
        """Of how many storage indexes something is in memory."""
        return len(self._known)

    def put(self, storage_index: bytes, number: int, stat: Stat) -> None:
        """This node has written the share."""
        self._write(storage_index, number, stat)

    def remove(self, storage_index: bytes, number: int) -> None:
        """This node has deleted the share."""
        self._write(storage_index, number, None)
        self._tell(storage_index)

    def forget(self, storage_index: bytes) -> None:
        """What is known may be wrong: it is asked again, and a LIST that is on its way is not remembered."""
        self._known.pop(storage_index, None)
        asked = self._asked.pop(storage_index, None)
        if asked is not None:
            asked.is_forgotten = True
        self._tell(storage_index)

    def watch(self, forgotten: Callable[[bytes], None]) -> None:
        """It is told every storage index that is forgotten, or of which this node deletes."""
        self._watchers.append(forgotten)

    def _tell(self, storage_index: bytes) -> None:
        for forgotten in self._watchers:
            forgotten(storage_index)

    def _write(self, storage_index: bytes, number: int, stat: Stat | None) -> None:
        for shares in (known[1] for known in [self._known.get(storage_index)] if known):
            _overlay(shares, {number: stat})
        if storage_index in self._asked:
            self._asked[storage_index].written[number] = stat

    def _ask(self, storage_index: bytes, now: float) -> _Asked:
        asked = self._asked[storage_index] = _Asked(now)
        found = self._objects.list(layout.shares_of(storage_index))
        found.addCallback(self._answered, storage_index, asked)
        found.addErrback(self._failed, storage_index, asked)
        return asked

    def _answered(self, stats: list[Stat], storage_index: bytes, asked: _Asked) -> None:
        shares = {name.number: stat for stat in stats if (name := layout.share_name(stat.key))}
        _overlay(shares, asked.written)
        if self._asked.get(storage_index) is asked:
            del self._asked[storage_index]
            self._remember(storage_index, asked.at, shares)
        for answer in asked.waiting:
            answer.callback(dict(shares))

    def _failed(self, failure: Failure, storage_index: bytes, asked: _Asked) -> None:
        if self._asked.get(storage_index) is asked:
            del self._asked[storage_index]
        for answer in asked.waiting:
            answer.errback(failure)

    def _remember(self, storage_index: bytes, at: float, shares: Shares) -> None:
        self._known.pop(storage_index, None)
        self._known[storage_index] = at, shares
        oldest = next(iter(self._known.values()))[0]
        while len(self._known) > _MOST or self._clock.seconds() - oldest > KEPT:
            self._known.popitem(last=False)
            oldest = next(iter(self._known.values()), (self._clock.seconds(),))[0]


def _overlay(shares: Shares, written: dict[int, Stat | None]) -> None:
    for number, stat in written.items():
        if stat is None:
            shares.pop(number, None)
        else:
            shares[number] = stat
