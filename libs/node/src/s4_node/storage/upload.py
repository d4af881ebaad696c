"""One immutable share on its way from a client to the bucket, where it appears whole or not at all."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum, auto

from allmydata.storage.lease import LeaseInfo
from collections_extended import RangeMap  # type: ignore[import-untyped]  # it has none
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from s4_node.objects import Objects
from s4_node.s3.bodies import FileTooShort
from s4_node.s3.errors import ConditionFailed, Missing
from s4_node.s3.values import Absent, FileSlice, Stat
from s4_node.settings import StorageSettings
from s4_node.storage import container, layout
from s4_node.storage.changes import Changes
from s4_node.storage.draft import Draft
from s4_node.storage.parts import Parts
from s4_node.storage.spool import SpoolBroken, SpoolError, SpoolFile

IDLE_SECONDS = 30 * 60  # as the disk backend's
CONFLICT_PAUSES = (0.25, 1.0, 3.0)  # seconds, after S3 said that somebody writes the same key at this moment (409)
_log = Logger()


class UploadEnded(Exception):
    """The upload takes nothing more: it was closed, aborted, or nothing was written for half an hour."""


class _Stage(Enum):
    OPEN = auto()
    CLOSING = auto()  # no new data; parts are being sent, and it can still be aborted
    COMMITTING = auto()  # the request that makes the share appear is on its way: there is no way back
    ENDED = auto()


class Upload:
    """What allmydata.storage.immutable.BucketWriter is, with answers that are Deferreds.

    Writing is answered when as little is on its way to S3 as the grid's caps allow: that holds a fast client back.
    `closed` is called once, at the moment of the end, with the bytes that the bucket has now and had not before. An
    upload that fails (S3Error, SpoolError) has ended: every answer that is waited for, and every later one, says so.
    """

    def __init__(
        self,
        *,
        objects: Objects,
        spool_file: SpoolFile,
        name: layout.ShareName,
        size: int,
        lease: LeaseInfo,
        settings: StorageSettings,
        clock: IReactorTime,
        closed: Callable[["Upload", int], None],
    ) -> None:
        """The spool file has container.size(size) bytes. Raises SpoolError, and the file is released."""
        self.name = name
        self._objects, self._file, self._clock, self._closed = objects, spool_file, clock, closed
        self._key = layout.share(name.storage_index, name.number)
        try:
            self._draft = Draft(spool_file, size, lease)
        except SpoolError:
            spool_file.release()
            raise
        self._changes = Changes()
        self._parts = self._parts_if_large(settings)
        self._stage = _Stage.OPEN
        self._outcome: Stat | Exception | None = None
        self._abandoned = self._is_clean = False
        self._idle = clock.callLater(IDLE_SECONDS, self.abort)

    @property
    def is_closed(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self._stage is _Stage.ENDED

    @property
    def stat(self) -> Stat | None:
        """The share in the bucket, its own or one that was there first, once it has ended so."""
        return self._outcome if isinstance(self._outcome, Stat) else None

    @property
    def multipart(self) -> str | None:
        """S3's name of the multipart upload that is in progress."""
        return self._parts.upload if self._parts else None

    def allocated_size(self) -> int:
        """Bytes of data it was begun for."""
        return self._draft.data_bytes

    def required_ranges(self) -> RangeMap:
        """Which ranges of the data were not written yet."""
        return self._draft.required_ranges()

    def write(self, offset: int, data: bytes) -> "Deferred[bool]":
        """Store it; whether everything was written now.

        Raises ConflictingWriteError and DataTooLargeError, after which the upload goes on; UploadEnded; S3Error and
        SpoolError, after which it has ended. What was written before may be written again until the end.
        """
        return Deferred.fromCoroutine(self._write(offset, data))

    def close(self) -> "Deferred[Stat]":
        """The share is in the bucket, this one or one that was there first; bytes never written are zeros.

        Raises UploadEnded, S3Error. Asked again it answers the same.
        """
        if self._stage is _Stage.OPEN:
            self._stage = _Stage.CLOSING
            self._stop_clock()
            Deferred.fromCoroutine(self._publish()).addErrback(self._fell)
        return Deferred.fromCoroutine(self._closing())

    def abort(self) -> "Deferred[None]":
        """Nothing stays, unless the share is appearing in the bucket at this moment. Fires when S3 knows; never fails.

        `closed` was called when this returns, or will be when S3 has answered whether the share appeared.
        """
        self._abandoned = True
        if self._stage in {_Stage.OPEN, _Stage.CLOSING}:
            self._end(UploadEnded())
        return Deferred.fromCoroutine(self._changes.until(lambda: self._is_clean))

    disconnected = abort

    async def _write(self, offset: int, data: bytes) -> bool:
        self._check()
        try:
            self._draft.write(offset, data)
        except SpoolError as failed:
            self._end(failed)
            raise
        if self._parts is not None:
            self._give_parts(self._parts, offset, len(data))
            parts = self._parts
            await self._changes.until(lambda: self.is_closed or not parts.is_full)
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._draft.missing == 0

    def _check(self) -> None:
        """It may be written: the upload is open, or this is a repetition while it is being closed."""
        if isinstance(self._outcome, Exception):
            raise self._outcome
        if self._stage is _Stage.OPEN:
            self._idle.reset(IDLE_SECONDS)
        elif self.is_closed or self._draft.missing:
            raise UploadEnded

    def _give_parts(self, parts: Parts, offset: int, length: int) -> None:
        start = container.HEADER_BYTES + offset
        for number in parts.touched(start, start + length):
            if self._draft.covers(*parts.bounds(number)):
                parts.give(number)

    async def _closing(self) -> Stat:
        await self._changes.until(lambda: self.is_closed)
        if isinstance(self._outcome, Stat):
            return self._outcome
        raise self._outcome or UploadEnded()

    async def _publish(self) -> None:
        """It ends with the share in the bucket. Raises what kept it from that, UploadEnded when it was aborted."""
        for pause in (*CONFLICT_PAUSES, None):
            try:
                self._end(self._stored(await self._send()), self._file.size)
            except (ConditionFailed, Missing) as refused:
                there = await self._who_was_first()
                if there is not None:
                    self._end(there)
                elif pause is None or self._abandoned:
                    raise
                else:
                    self._stage = _Stage.CLOSING
                    await deferLater(self._clock, pause)
                    self._renew(refused)
            if self.is_closed:
                return

    async def _send(self) -> str:
        if self._parts is None:
            self._stage = _Stage.COMMITTING
            whole = FileSlice(self._file.path, 0, self._file.size)
            etag: str = await self._objects.put(self._key, whole, only_if=Absent())
            return etag
        await self._parts.sent()
        if self.is_closed:
            raise UploadEnded
        self._stage = _Stage.COMMITTING
        return await self._parts.complete()

    async def _who_was_first(self) -> Stat | None:
        try:
            there: Stat = await self._objects.head(self._key)
        except Missing:
            return None
        return there

    def _renew(self, refused: ConditionFailed | Missing) -> None:
        """S3 wants a new multipart upload after 409 (CompleteMultipartUpload, ConditionalRequestConflict)."""
        if self._parts is not None and not self.is_closed and refused.status != 412:
            self._parts.begin_again()

    def _stored(self, etag: str) -> Stat:
        return Stat(self._key, self._file.size, etag, datetime.fromtimestamp(self._clock.seconds(), UTC))

    def _parts_if_large(self, settings: StorageSettings) -> Parts | None:
        if self._file.size <= settings.part_bytes:
            return None
        return Parts(
            self._objects,
            self._key,
            self._file,
            part_bytes=settings.part_bytes,
            at_once=settings.caps.parts,
            changes=self._changes,
            failed=self._end,
        )

    def _fell(self, failure: Failure) -> None:
        self._end(failure.value)

    def _end(self, outcome: Stat | Exception, added: int = 0) -> None:
        if self.is_closed:
            return
        if isinstance(outcome, OSError | FileTooShort):
            outcome = SpoolBroken("EIO")
        self._stage, self._outcome = _Stage.ENDED, outcome
        self._stop_clock()
        if not isinstance(outcome, Stat):
            _log.info("upload.ended", share=self._key, error=str(outcome) or type(outcome).__name__)
        self._closed(self, added)
        self._changes.tell()
        Deferred.fromCoroutine(self._clean())

    async def _clean(self) -> None:
        if self._parts is not None:
            await self._parts.stop()
        self._file.release()
        self._is_clean = True
        self._changes.tell()

    def _stop_clock(self) -> None:
        if self._idle.active():
            self._idle.cancel()
