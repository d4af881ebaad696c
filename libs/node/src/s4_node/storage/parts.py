"""A file that goes into the bucket in parts, each as soon as its bytes are there, and appears there at once."""

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from s4_node.objects import Objects
from s4_node.s3.errors import Missing, S3Error
from s4_node.s3.values import Absent, Condition, FileSlice
from s4_node.storage.changes import Changes
from s4_node.storage.spool import SpoolFile
from s4_node.workers import Stopped

MOST_PARTS = 9000  # S3 takes 10 000 ("Amazon S3 multipart upload limits")
MOST_BEGINNINGS = 4  # an upload that vanishes again and again is somebody's work, not an accident
_log = Logger()


def part_size(total: int, at_least: int) -> int:
    """How long each part but the last is, in bytes."""
    return max(at_least, -(-total // MOST_PARTS))


class Parts:
    """One multipart upload, begun with its first part; `at_once` parts are on their way at most.

    An upload that vanishes (somebody aborted it) is begun again from the file, with all its parts.
    """

    def __init__(
        self,
        objects: Objects,
        key: str,
        file: SpoolFile,
        *,
        part_bytes: int,
        at_once: int,
        changes: Changes,
        failed: Callable[[Exception], None],
    ) -> None:
        self.part_bytes = part_size(file.size, part_bytes)
        self.count = -(-file.size // self.part_bytes)
        self.upload: str | None = None
        self._objects, self._key, self._file, self._at_once = objects, key, file, at_once
        self._changes, self._failed = changes, failed
        self._given: set[int] = set()  # numbers of parts; S3 counts from 1
        self._queue: deque[int] = deque()
        self._etags: dict[int, str] = {}
        self._flying = 0
        self._beginnings = 0
        self._stopped = self._pumping = False

    def bounds(self, number: int) -> tuple[int, int]:
        """Where in the file this part begins and ends."""
        return (number - 1) * self.part_bytes, min(number * self.part_bytes, self._file.size)

    def touched(self, start: int, end: int) -> range:
        """The numbers of the parts that hold these bytes."""
        return range(start // self.part_bytes + 1, -(-end // self.part_bytes) + 1)

    def give(self, number: int) -> None:
        """This part's bytes will not change any more. Twice is fine."""
        if number not in self._given:
            self._given.add(number)
            self._queue.append(number)
            self._pump()

    @property
    def is_full(self) -> bool:
        """As much is on its way as may be: who has more waits."""
        return len(self._queue) + self._flying >= self._at_once

    async def sent(self) -> None:
        """Every part is in the bucket, or nothing is sent any more."""
        for number in range(1, self.count + 1):
            self.give(number)
        await self._changes.until(lambda: self._stopped or len(self._etags) == self.count)

    async def complete(self, only_if: Condition = Absent()) -> str:  # noqa: B008  frozen
        """The file is in the bucket; its etag. Everything was sent. Raises ConditionFailed, Missing."""
        if self.upload is None:
            raise Missing("complete_upload", "NoSuchUpload", 404)
        etags = [self._etags[number] for number in sorted(self._etags)]
        etag: str = await self._objects.complete_upload(self._key, self.upload, etags, only_if=only_if)
        self.upload = None
        return etag

    def begin_again(self) -> None:
        """A new upload takes this one's place, and everything is sent again. Raises Missing after too many."""
        if self._beginnings >= MOST_BEGINNINGS:
            raise Missing("put_part", "NoSuchUpload", 404)
        old, self.upload = self.upload, None
        self._etags.clear()
        self._queue = deque(sorted(self._given))
        if old is not None:
            self._go(self._abort(old))
        self._pump()

    async def stop(self) -> None:
        """Nothing is on its way any more, and the bucket was told to forget what it has of an unfinished upload."""
        self._stopped = True
        self._queue.clear()
        await self._changes.until(lambda: not self._flying)
        if self.upload is not None:
            await self._abort(self.upload)
            self.upload = None

    def _pump(self) -> None:
        if self._pumping:
            return
        self._pumping = True
        while self._queue and self._flying < self._at_once and not self._stopped:
            if self.upload is None:
                if self._flying:  # it is being begun, or parts of the one that vanished land
                    break
                self._go(self._begin())
            else:
                self._go(self._send(self.upload, self._queue.popleft()))
        self._pumping = False

    async def _begin(self) -> None:
        self._beginnings += 1
        self.upload = await self._objects.begin_upload(self._key)

    async def _send(self, upload: str, number: int) -> None:
        start, end = self.bounds(number)
        try:
            etag = await self._objects.put_part(
                self._key, upload, number, FileSlice(self._file.path, start, end - start)
            )
        except Missing:
            if upload == self.upload and not self._stopped:
                self.upload = None
                self.begin_again()
            return
        if upload == self.upload:
            self._etags[number] = etag

    async def _abort(self, upload: str) -> None:
        try:
            await self._objects.abort_upload(self._key, upload)
        except (S3Error, Stopped) as failed:  # the sweep of abandoned uploads or the bucket's own rule comes later
            _log.warn("upload.left-in-bucket", share=self._key, error=str(failed) or type(failed).__name__)

    def _go(self, work: Coroutine[Deferred[Any], Any, None]) -> None:
        self._flying += 1
        Deferred.fromCoroutine(work).addErrback(self._fell).addBoth(self._landed)

    def _fell(self, failure: Failure) -> None:
        if not self._stopped:
            self._stopped = True
            self._queue.clear()
            self._failed(failure.value)

    def _landed(self, _: None) -> None:
        self._flying -= 1
        self._pump()
        self._changes.tell()
