"""Whether a grid's bucket can be reached: looked at now and then, and soon again while it cannot."""

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from s4_node.metrics import BucketMeter
from s4_node.objects import Objects
from s4_node.s3.errors import Missing, S3Error
from s4_node.serve.condition import BucketSeen
from s4_node.storage.layout import USAGE
from s4_node.workers import Stopped

# A look is one GET, some 9,000 a month at most; none is made while requests of clients succeed.
EVERY_SECONDS = 300.0
WHILE_UNREACHABLE_SECONDS = 15.0

_log = Logger()


class BucketLook:
    """Looks at one grid's bucket until it is stopped."""

    def __init__(self, grid: str, objects: Objects, meter: BucketMeter, clock: IReactorTime) -> None:
        self._grid, self._objects, self._meter, self._clock = grid, objects, meter, clock
        self._reachable: bool | None = None
        self._code = ""
        self._at = clock.seconds()
        self._next: IDelayedCall | None = None

    def start(self) -> None:
        """Look now, and from now on."""
        self._next = None
        Deferred.fromCoroutine(self._look())

    def stop(self) -> None:
        """Look no more."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = None

    @property
    def seen(self) -> BucketSeen:
        """What came of the last look, or of what a client asked for since."""
        ago = self._clock.seconds() - self._at
        if self._reachable and self._meter.refused:
            return BucketSeen(reachable=False, code=self._meter.refused, seconds_ago=0.0)
        if not self._reachable and self._meter.succeeded_within(ago):
            return BucketSeen(reachable=True, code="", seconds_ago=0.0)
        return BucketSeen(self._reachable, self._code, ago)

    async def _look(self) -> None:
        try:
            if not self._meter.succeeded_within(EVERY_SECONDS if self._reachable else WHILE_UNREACHABLE_SECONDS):
                await self._objects.get(USAGE)
        except Missing:
            self._saw(code="")
        except Stopped:
            return
        except S3Error as error:
            self._saw(code=error.code)
        else:
            self._saw(code="")
        self._next = self._clock.callLater(EVERY_SECONDS if self._reachable else WHILE_UNREACHABLE_SECONDS, self.start)

    def _saw(self, *, code: str) -> None:
        reachable = not code
        if reachable != self._reachable:
            event = "bucket.reachable" if reachable else "bucket.unreachable"
            _log.info(event, grid=self._grid, **({"code": code} if code else {}))
        self._reachable, self._code, self._at = reachable, code, self._clock.seconds()
