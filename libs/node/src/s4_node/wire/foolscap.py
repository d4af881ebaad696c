"""The storage protocol over Foolscap: every answer waits for the bucket, and is None where the protocol says so."""

from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from allmydata.interfaces import RIBucketReader, RIBucketWriter, RIStorageServer
from foolscap.api import Referenceable
from foolscap.ipb import IRemoteReference
from twisted.internet.defer import Deferred
from zope.interface import implementer

from s4_node.wire.failures import Failures

if TYPE_CHECKING:
    from s4_node.storage.reader import Reader
    from s4_node.storage.server import S3StorageServer
    from s4_node.storage.upload import Upload

S = TypeVar("S", bound="_Remote")
P = ParamSpec("P")
T = TypeVar("T")
TestsAndWrites = dict[int, tuple[list[tuple[int, int, bytes, bytes]], list[tuple[int, bytes]], int | None]]


class _Remote(Referenceable):
    """An object whose failures are told in words of the wire."""

    def __init__(self, failures: Failures) -> None:
        self._failures = failures


def _told(
    method: Callable[Concatenate[S, P], Coroutine["Deferred[object]", object, T]],
) -> Callable[Concatenate[S, P], "Deferred[T]"]:
    """The coroutine as a Deferred, whose failure is one that the client may see."""

    @wraps(method)
    def answered(self: S, /, *args: P.args, **kwargs: P.kwargs) -> "Deferred[T]":
        answer: Deferred[T] = Deferred.fromCoroutine(method(self, *args, **kwargs))
        return answer.addErrback(self._failures.refused)

    return answered


@implementer(RIBucketWriter)
class RemoteWriter(_Remote):
    """An upload, over Foolscap."""

    def __init__(self, upload: "Upload", failures: Failures) -> None:
        super().__init__(failures)
        self._upload = upload

    @_told
    async def remote_write(self, offset: int, data: bytes) -> None:
        """Take the bytes. The answer waits while too much is on its way to the bucket."""
        await self._upload.write(offset, data)

    @_told
    async def remote_close(self) -> None:
        """The share is in the bucket."""
        await self._upload.close()

    @_told
    async def remote_abort(self) -> None:
        """Nothing of it is left."""
        await self._upload.abort()


@implementer(RIBucketReader)
class RemoteReader(_Remote):
    """An immutable share, over Foolscap."""

    def __init__(self, reader: "Reader", failures: Failures) -> None:
        super().__init__(failures)
        self._reader = reader

    @_told
    async def remote_read(self, offset: int, length: int) -> bytes:
        """The bytes, fewer past the share's end."""
        data: bytes = await self._reader.read(offset, length)
        return data

    @_told
    async def remote_advise_corrupt_share(self, reason: bytes) -> None:
        """Keep what the client says."""
        await self._reader.advise_corrupt_share(reason)


@implementer(RIStorageServer)
class RemoteStorageServer(_Remote):
    """The storage server, over Foolscap. An upload ends when the connection it was begun on does."""

    name = "storage"

    def __init__(self, server: "S3StorageServer", failures: Failures) -> None:
        super().__init__(failures)
        self._server = server
        self._canaries: dict[Upload, tuple[IRemoteReference, object]] = {}
        server.register_bucket_writer_close_handler(self._closed)

    def remote_get_version(self) -> dict[bytes, object]:
        """What this server can, and has room for."""
        return self._server.get_version()

    @_told
    async def remote_allocate_buckets(  # noqa: PLR0917  the protocol's
        self,
        storage_index: bytes,
        renew_secret: bytes,
        cancel_secret: bytes,
        sharenums: set[int],
        allocated_size: int,
        canary: IRemoteReference,
    ) -> tuple[set[int], dict[int, RemoteWriter]]:
        """Which shares are there already, and uploads of the others that there is room for."""
        present, uploads = await self._server.allocate_buckets(
            storage_index, renew_secret, cancel_secret, sharenums, allocated_size
        )
        for upload in uploads.values():
            # Foolscap calls soon when the connection is lost already
            self._canaries[upload] = (canary, canary.notifyOnDisconnect(upload.disconnected))
        return present, {number: RemoteWriter(upload, self._failures) for number, upload in uploads.items()}

    @_told
    async def remote_add_lease(self, storage_index: bytes, renew_secret: bytes, cancel_secret: bytes) -> None:
        """Renew the lease with this secret, or make one; a storage index without shares is fine."""
        await self._server.add_lease(storage_index, renew_secret, cancel_secret)

    @_told
    async def remote_get_buckets(self, storage_index: bytes) -> dict[int, RemoteReader]:
        """The shares that are there, to be read."""
        readers = await self._server.get_buckets(storage_index)
        return {number: RemoteReader(reader, self._failures) for number, reader in readers.items()}

    @_told
    async def remote_slot_testv_and_readv_and_writev(
        self,
        storage_index: bytes,
        secrets: tuple[bytes, bytes, bytes],
        tw_vectors: TestsAndWrites,
        r_vector: Sequence[tuple[int, int]],
    ) -> tuple[bool, dict[int, list[bytes]]]:
        """Read, test, and write if all tests hold."""
        answer: tuple[bool, dict[int, list[bytes]]] = await self._server.slot_testv_and_readv_and_writev(
            storage_index, secrets, tw_vectors, r_vector
        )
        return answer

    @_told
    async def remote_slot_readv(
        self, storage_index: bytes, shares: Sequence[int], readv: Sequence[tuple[int, int]]
    ) -> dict[int, list[bytes]]:
        """The vectors of these shares, or of all."""
        read: dict[int, list[bytes]] = await self._server.slot_readv(storage_index, shares, readv)
        return read

    @_told
    async def remote_advise_corrupt_share(
        self, share_type: bytes, storage_index: bytes, shnum: int, reason: bytes
    ) -> None:
        """Keep what the client says."""
        await self._server.advise_corrupt_share(share_type, storage_index, shnum, reason)

    def _closed(self, upload: "Upload") -> None:
        canary, marker = self._canaries.pop(upload, (None, None))
        if canary is not None:
            canary.dontNotifyOnDisconnect(marker)
