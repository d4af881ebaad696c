"""An answer on its way to the client: small ones in one packet, big ones by sendfile."""

import asyncio
import os
from contextlib import ExitStack

from aiohttp import web

from doubles.s3.refusals import Answer, Slice

SMALL = 512 * 1024  # bytes that are read and written at once


class Streamed(web.StreamResponse):
    """A head whose body is sent beside aiohttp."""


async def send(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    if answer.claims is not None:
        response = Streamed(status=answer.status, headers=answer.headers)
        response.content_length = answer.claims
        await response.prepare(request)
        await response.write_eof()
        return response
    if isinstance(answer.body, bytes):
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body or None)
    if answer.length <= SMALL:
        return web.Response(status=answer.status, headers=answer.headers, body=b"".join(map(read, answer.body)))
    return await _send_files(request, answer, answer.body)


async def send_some(request: web.BaseRequest, answer: Answer, count: int | None) -> web.StreamResponse:
    """The whole head, and only some bytes of its body."""
    body = answer.body if isinstance(answer.body, bytes) else b"".join(map(read, answer.body))
    response = Streamed(status=answer.status, headers=answer.headers)
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2 if count is None else count])
    return response


def read(piece: Slice) -> bytes:
    descriptor = os.open(piece.path, os.O_RDONLY)
    try:
        return os.pread(descriptor, piece.length, piece.offset)
    finally:
        os.close(descriptor)


async def _send_files(request: web.BaseRequest, answer: Answer, pieces: list[Slice]) -> web.StreamResponse:
    loop = asyncio.get_running_loop()
    response = Streamed(status=answer.status, headers=answer.headers)
    response.content_length = answer.length
    with ExitStack() as stack:
        files = [stack.enter_context(piece.path.open("rb")) for piece in pieces]  # before anybody removes them
        writer = await response.prepare(request)
        if request.transport is None or writer is None:
            raise ConnectionResetError
        writer.send_headers()
        for file, piece in zip(files, pieces, strict=True):
            await loop.sendfile(request.transport, file, piece.offset, piece.length)
    await response.write_eof()
    return response
