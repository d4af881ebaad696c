"""The double itself: takes requests, checks who signed them, does them, and has the accidents it was told to have."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

from aiohttp import web

from doubles.s3.buckets import Buckets
from doubles.s3.calls import Call, parse
from doubles.s3.faults import Fault, Faults, distorted
from doubles.s3.ledger import Ledger, Line
from doubles.s3.manners import Manners
from doubles.s3.multiparts import Multiparts
from doubles.s3.objects import Objects
from doubles.s3.refusals import Answer, Refusal
from doubles.s3.sending import send, send_some
from doubles.s3.shelves import Shelves
from doubles.s3.signatures import Credential, Signatures

Operation = Callable[[Call], Awaitable[Answer]]


class Double:
    """One S3, in one folder."""

    def __init__(self, folder: Path, region: str, access_key: str, secret_key: str) -> None:
        self.shelves, self.manners = Shelves(folder), Manners()
        self.first_credential = (access_key, secret_key)
        self.signatures = Signatures(region)
        self.faults, self.ledger = Faults(), Ledger()
        self._released = asyncio.Event()
        self._operations = _operations(self.shelves, self.manners, region)
        self.reset()

    def reset(self) -> None:
        """As at the start, but for the buckets."""
        access_key, secret_key = self.first_credential
        self.signatures.credentials = {access_key: Credential(secret_key)}
        self.manners.reset()
        self.signatures.clock_offset = timedelta()
        self.clear_faults()
        self.ledger.clear()

    def clear_faults(self) -> None:
        self.faults.ordered.clear()
        self.release()

    def release(self) -> None:
        """Let go of everything that hangs or is held; what comes later hangs again."""
        self._released.set()
        self._released = asyncio.Event()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        call = parse(request, self.manners.virtual_domains)
        line, began = self.ledger.begin(call)
        try:
            fault = self.faults.hit(call)
            line.fault = fault.kind if fault else ""
            released = self._released
            if (delay := self.manners.delay(call.operation)) > 0:
                await asyncio.sleep(delay)
            if fault and fault.kind in ("reset", "hang"):
                return await self._silent(request, released, wait=fault.kind == "hang")
            if fault and fault.kind == "hold":
                await released.wait()
            answer = await self._answer(call, fault, line)
            return await self._sent(request, answer, fault, line, released)
        finally:
            self.ledger.end(line, began)

    async def _answer(self, call: Call, fault: Fault | None, line: Line) -> Answer:
        request_id = f"{line.number:016X}"
        try:
            answer = await self._done(call, fault, line)
        except Refusal as refused:
            answer = refused.answer(request_id)
            if call.method == "HEAD":
                answer.claims, answer.body = len(answer.body), b""
        answer.headers["x-amz-request-id"] = request_id
        answer.headers["Date"] = format_datetime(self.signatures.now(), usegmt=True)
        return distorted(fault, answer) if fault else answer

    async def _done(self, call: Call, fault: Fault | None, line: Line) -> Answer:
        self.signatures.check(call)
        refusal = fault.refusal() if fault else None
        if refusal is not None:
            raise refusal
        answer = await self._operations.get(call.operation, _unknown)(call)
        line.received = call.length
        if fault and fault.kind == "commit_then_error":
            raise Refusal(fault.code or "InternalError", status=fault.status)
        return answer

    async def _sent(
        self, request: web.BaseRequest, answer: Answer, fault: Fault | None, line: Line, released: asyncio.Event
    ) -> web.StreamResponse:
        kind = fault.kind if fault else ""
        line.code = answer.code
        if kind in ("commit_then_cut", "commit_then_hang"):
            return await self._silent(request, released, wait=kind == "commit_then_hang")
        line.status = answer.status
        if fault and kind in ("cut", "stall") and answer.claims is None:
            line.sent = answer.length // 2 if fault.bytes is None else fault.bytes
            response = await send_some(request, answer, fault.bytes)
            if kind == "stall":
                await _until(request, released)
            if request.transport is not None:
                request.transport.close()
            return response
        line.sent = 0 if answer.claims is not None else answer.length
        response = await send(request, answer)
        if "Expect" in request.headers and not request.content.at_eof():
            response.force_close()  # the client was not told to send its body, and will not
        return response

    async def _silent(self, request: web.BaseRequest, released: asyncio.Event, *, wait: bool) -> web.StreamResponse:
        if wait:
            await _until(request, released)
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


async def _until(request: web.BaseRequest, released: asyncio.Event) -> None:
    """Until the client has gone, or everything was released."""
    while request.transport is not None and not request.transport.is_closing():
        try:
            await asyncio.wait_for(released.wait(), 0.1)
        except TimeoutError:
            continue
        return


async def _unknown(call: Call) -> Answer:
    raise Refusal("NotImplemented")


def _operations(shelves: Shelves, manners: Manners, region: str) -> dict[str, Operation]:
    buckets, objects, multiparts = Buckets(shelves, region), Objects(shelves, manners), Multiparts(shelves, manners)
    return {
        "ListBuckets": buckets.every,
        "CreateBucket": buckets.create,
        "HeadBucket": buckets.head,
        "DeleteBucket": buckets.delete,
        "GetBucketLocation": buckets.location,
        "GetBucketVersioning": buckets.versioning,
        "PutBucketVersioning": buckets.put_versioning,
        "GetBucketLifecycleConfiguration": buckets.lifecycle,
        "PutBucketLifecycleConfiguration": buckets.put_lifecycle,
        "DeleteBucketLifecycleConfiguration": buckets.delete_lifecycle,
        "ListObjectsV2": buckets.listing,
        "DeleteObjects": buckets.delete_many,
        "ListMultipartUploads": multiparts.uploads,
        "PutObject": objects.put,
        "GetObject": objects.get,
        "HeadObject": objects.head,
        "DeleteObject": objects.delete,
        "CopyObject": objects.copy,
        "CreateMultipartUpload": multiparts.create,
        "UploadPart": multiparts.part,
        "CompleteMultipartUpload": multiparts.complete,
        "AbortMultipartUpload": multiparts.abort,
        "ListParts": multiparts.parts,
    }
