"""The storage protocol over HTTPS ("Great Black Swamp"): each answer waits for the bucket, none holds the reactor.

The routes are those of allmydata.storage.http_server.HTTPServer. They are declared again, and not overridden, because
Klein keeps the functions that it was given.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import IO, TYPE_CHECKING, Any, TypeVar

from allmydata.storage.http_common import CBOR_MIME_TYPE, Secrets
from allmydata.storage.http_server import (
    _SCHEMAS,
    HTTPServer,
    StorageIndexConverter,
    _add_error_handling,
    _HTTPError,
    read_encoded,
)
from allmydata.util import cbor
from klein import Klein
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure
from twisted.web import http
from twisted.web.server import Request, Site
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_accept_header, parse_content_range_header

from s4_node.s3.errors import ConditionFailed
from s4_node.wire import ranges
from s4_node.wire.authorization import Authorization, Gate
from s4_node.wire.bodies import Bodies
from s4_node.wire.failures import Failures
from s4_node.wire.shield import unharmed

if TYPE_CHECKING:
    from s4_node.storage.server import S3StorageServer
    from s4_node.storage.upload import Upload

T = TypeVar("T")
Handler = Callable[..., Awaitable[bytes]]
Vectors = dict[int, tuple[list[tuple[int, int, bytes, bytes]], list[tuple[int, bytes]], int | None]]

LEASE = {Secrets.LEASE_RENEW, Secrets.LEASE_CANCEL}
PIECE = 2**20  # of an uploaded body, in memory at once; a 1.20.0 client sends about so much with each request
MOST_IN_ALLOCATION, MOST_IN_ADVICE, MOST_IN_WRITE = 8192, 32768, 2**48  # bytes of a body, as the stock server has it

_app = Klein()
_app.url_map.converters["storage_index"] = StorageIndexConverter
_add_error_handling(_app)


def _route(method: str, url: str, required: "set[Secrets] | None" = None) -> Callable[[Handler], Handler]:
    """Declare a route under /storage/v1, for requests that bring exactly these secrets."""

    def declared(handler: Handler) -> Handler:
        @wraps(handler)
        def answered(self: "HTTPStorage", request: Request, **of_url: object) -> "Deferred[bytes]":
            request.defaultContentType = None  # or every answer without a type would be HTML
            secrets = self.gate.secrets(request, required or set())
            return Deferred.fromCoroutine(handler(self, request, secrets, **of_url))

        _app.route(f"/storage/v1/{url}", methods=[method])(answered)
        return handler

    return declared


class HTTPStorage(HTTPServer):
    """The storage server's HTTP interface."""

    _app = _app
    _storage_server: "S3StorageServer"

    def __init__(self, reactor: Any, storage_server: "S3StorageServer", swissnum: bytes) -> None:
        super().__init__(reactor, storage_server, swissnum)
        self.gate = Gate(swissnum)
        self._failures = Failures(reactor, storage_server.objects.grid)

    @_route("GET", "version")
    async def version(self, request: Request, _: Authorization) -> bytes:
        """What this server can, and has room for."""
        return _encoded(request, self._get_version())

    @_route("POST", "immutable/<storage_index:storage_index>", {*LEASE, Secrets.UPLOAD})
    async def allocate(self, request: Request, secrets: Authorization, storage_index: bytes) -> bytes:
        """Begin uploads. Those of others with another secret are left alone, and are not told apart from none."""
        asked = await read_encoded(self._reactor, request, _SCHEMAS["allocate_buckets"], max_size=MOST_IN_ALLOCATION)
        hung_up = request.notifyFinish().addErrback(lambda _: None)
        return _encoded(request, await unharmed(self._allocated(secrets, storage_index, asked, hung_up)))

    async def _allocated(
        self, secrets: Authorization, storage_index: bytes, asked: Mapping[str, Any], hung_up: "Deferred[None]"
    ) -> object:
        present, uploads = await self._storage_server.allocate_buckets(
            storage_index,
            secrets[Secrets.LEASE_RENEW],
            secrets[Secrets.LEASE_CANCEL],
            asked["share-numbers"],
            asked["allocated-size"],
        )
        for number, upload in uploads.items():
            self._uploads.add_write_bucket(storage_index, number, secrets[Secrets.UPLOAD], upload)
            if hung_up.called:  # nobody will ever write to it: the client makes another secret with each request
                upload.abort()
        return {"already-have": set(present), "allocated": set(uploads)}

    @_route("PUT", "immutable/<storage_index:storage_index>/<int(signed=False):number>/abort", {Secrets.UPLOAD})
    async def abort(self, _: Request, secrets: Authorization, storage_index: bytes, number: int) -> bytes:
        """Nothing of the upload is left. One that was finished is answered 405."""
        try:
            upload = self._uploads.get_write_bucket(storage_index, number, secrets[Secrets.UPLOAD])
        except _HTTPError as error:
            if error.code == http.NOT_FOUND and number in await self._readers(storage_index):
                raise _HTTPError(http.NOT_ALLOWED) from error
            raise
        await unharmed(upload.abort())
        return b""

    @_route("PATCH", "immutable/<storage_index:storage_index>/<int(signed=False):number>", {Secrets.UPLOAD})
    async def write(self, request: Request, secrets: Authorization, storage_index: bytes, number: int) -> bytes:
        """Take the bytes. The answer waits while too much is on its way to the bucket.

        It is 201 when these were the last and the share is in the bucket.
        """
        span = parse_content_range_header(request.getHeader("content-range"))
        if span is None or span.units != "bytes" or span.start is None or span.stop is None:
            raise _HTTPError(http.REQUESTED_RANGE_NOT_SATISFIABLE)
        upload = self._uploads.get_write_bucket(storage_index, number, secrets[Secrets.UPLOAD])
        offset, finished = span.start, False
        while offset < span.stop:
            data = request.content.read(min(PIECE, span.stop - offset))
            if not data:
                raise _HTTPError(http.BAD_REQUEST, "the body is shorter than its range")
            finished = await unharmed(_taken(upload, offset, data))
            offset += len(data)
        request.setResponseCode(http.CREATED if finished else http.OK)
        required = [{"begin": begin, "end": end} for begin, end, _ in upload.required_ranges().ranges()]
        return _encoded(request, {"required": required})

    @_route("GET", "immutable/<storage_index:storage_index>/shares")
    async def list_immutable(self, request: Request, _: Authorization, storage_index: bytes) -> bytes:
        """The numbers of the shares."""
        return _encoded(request, set(await self._readers(storage_index)))

    @_route("GET", "immutable/<storage_index:storage_index>/<int(signed=False):number>")
    async def read_immutable(self, request: Request, _: Authorization, storage_index: bytes, number: int) -> bytes:
        """The share, or a range of it."""
        request.setHeader("content-type", "application/octet-stream")  # also of a 404: the client looks at this first
        reader = await unharmed(self._storage_server.get_reader(storage_index, number))
        return await ranges.send(request, reader.read, await unharmed(reader.get_length()))

    @_route("PUT", "lease/<storage_index:storage_index>", LEASE)
    async def add_lease(self, request: Request, secrets: Authorization, storage_index: bytes) -> bytes:
        """Renew the lease with this secret, or make one."""
        if not await unharmed(self._storage_server.enumerate_shares(storage_index)):
            raise _HTTPError(http.NOT_FOUND)
        await unharmed(
            self._storage_server.add_lease(storage_index, secrets[Secrets.LEASE_RENEW], secrets[Secrets.LEASE_CANCEL])
        )
        request.setResponseCode(http.NO_CONTENT)
        return b""

    @_route("POST", "immutable/<storage_index:storage_index>/<int(signed=False):number>/corrupt")
    async def advise_immutable(self, request: Request, _: Authorization, storage_index: bytes, number: int) -> bytes:
        """Keep what the client says."""
        return await self._advised(b"immutable", request, storage_index, number)

    @_route("POST", "mutable/<storage_index:storage_index>/<int(signed=False):number>/corrupt")
    async def advise_mutable(self, request: Request, _: Authorization, storage_index: bytes, number: int) -> bytes:
        """Keep what the client says."""
        return await self._advised(b"mutable", request, storage_index, number)

    @_route("POST", "mutable/<storage_index:storage_index>/read-test-write", {*LEASE, Secrets.WRITE_ENABLER})
    async def read_test_write(self, request: Request, secrets: Authorization, storage_index: bytes) -> bytes:
        """Read, test, and write if all tests hold."""
        vectors, reads = _vectors(
            await read_encoded(self._reactor, request, _SCHEMAS["mutable_read_test_write"], max_size=MOST_IN_WRITE)
        )
        enabler, renew, cancel = (secrets[Secrets.WRITE_ENABLER], *(secrets[name] for name in _LEASE_ORDER))
        answer = self._storage_server.slot_testv_and_readv_and_writev(
            storage_index, (enabler, renew, cancel), vectors, reads
        )
        del vectors  # what was uploaded is kept once, by whoever writes it
        success, data = await unharmed(answer)
        return _encoded(request, {"success": success, "data": data})

    @_route("GET", "mutable/<storage_index:storage_index>/shares")
    async def list_mutable(self, request: Request, _: Authorization, storage_index: bytes) -> bytes:
        """The numbers of the shares."""
        return _encoded(request, await unharmed(self._storage_server.enumerate_mutable_shares(storage_index)))

    @_route("GET", "mutable/<storage_index:storage_index>/<int(signed=False):number>")
    async def read_mutable(self, request: Request, _: Authorization, storage_index: bytes, number: int) -> bytes:
        """The share, or a range of it, as it was at one moment: when it changes meanwhile the answer is cut off."""
        request.setHeader("content-type", "application/octet-stream")
        try:
            return await self._read_mutable(request, storage_index, number)
        except ConditionFailed:
            if request.startedWriting:
                raise
            return await self._read_mutable(request, storage_index, number)

    async def _read_mutable(self, request: Request, storage_index: bytes, number: int) -> bytes:
        try:
            share = await unharmed(self._storage_server.get_mutable_share(storage_index, number))
        except KeyError as error:
            raise _HTTPError(http.NOT_FOUND) from error
        return await ranges.send(request, share.read, share.length)

    def _readers(self, storage_index: bytes) -> "Deferred[dict[int, Any]]":
        return unharmed(self._storage_server.get_buckets(storage_index))

    async def _advised(self, kind: bytes, request: Request, storage_index: bytes, number: int) -> bytes:
        if number not in await unharmed(self._storage_server.enumerate_shares(storage_index)):
            raise _HTTPError(http.NOT_FOUND)
        said = await read_encoded(self._reactor, request, _SCHEMAS["advise_corrupt_share"], max_size=MOST_IN_ADVICE)
        reason = said["reason"].encode("utf-8")
        await maybeDeferred(self._storage_server.advise_corrupt_share, kind, storage_index, number, reason)
        return b""


class QuietSite(Site):
    """Writes no access log: it would say every second that a client is connected, and each share's storage index."""

    bodies = Bodies()  # of all sites of the process together

    def getContentFile(self, length: int | None) -> IO[bytes]:  # noqa: N802  Twisted's name
        """Where a request's body is written while it arrives."""
        return self.bodies.begin(length)

    def log(self, request: Request) -> None:
        """Write nothing."""


_LEASE_ORDER = (Secrets.LEASE_RENEW, Secrets.LEASE_CANCEL)


async def _taken(upload: "Upload", offset: int, data: bytes) -> bool:
    """Write, and commit what is complete: True when it is in the bucket."""
    finished: bool = await upload.write(offset, data)
    if finished:
        await upload.close()
    return finished


def _vectors(asked: dict[str, Any]) -> tuple[Vectors, list[tuple[int, int]]]:
    """The request as the storage server takes it; what it was made of is let go of."""
    wanted = asked.pop("test-write-vectors")
    writes: Vectors = {}
    while wanted:
        number, parts = wanted.popitem()
        writes[number] = (
            [(test["offset"], test["size"], b"eq", test["specimen"]) for test in parts["test"]],
            [(write["offset"], write["data"]) for write in parts["write"]],
            parts["new-length"],
        )
    return writes, [(read["offset"], read["size"]) for read in asked["read-vector"]]


def _encoded(request: Request, answer: object) -> bytes:
    """The answer in CBOR, the only encoding there is."""
    accepted = (request.requestHeaders.getRawHeaders("accept") or [CBOR_MIME_TYPE])[0]
    if accepted != CBOR_MIME_TYPE and parse_accept_header(accepted).best != CBOR_MIME_TYPE:
        raise _HTTPError(http.NOT_ACCEPTABLE)
    request.setHeader("Content-Type", CBOR_MIME_TYPE)
    encoded: bytes = cbor.dumps(answer)
    return encoded


def _failed(self: HTTPStorage, request: Request, failure: Failure) -> bytes | Failure:
    """An answer in words; one that was half sent is cut off, so that nobody takes it for the whole."""
    if isinstance(failure.value, HTTPException):
        return failure  # no such route: Klein's own answer
    told = self._failures.told(failure)
    if request.startedWriting:
        request.loseConnection()
        return b""
    request.responseHeaders.removeHeader("content-length")
    request.setResponseCode(told.status)
    return told.words.encode("ascii")


_app.handle_errors(Exception)(_failed)
