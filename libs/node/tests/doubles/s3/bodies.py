"""A request's body on its way into a file, checked while it passes."""

import base64
import hashlib
import secrets
import zlib
from io import RawIOBase
from typing import Protocol

from aiohttp import web

from doubles.s3.calls import Call
from doubles.s3.refusals import Refusal
from doubles.s3.shelves import Blob, Shelves

CHECKSUMS = ("crc32", "sha1", "sha256")
PREFIX = "x-amz-checksum-"


class Sum(Protocol):
    """Something that sums up bytes, as hashlib's objects do."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class Crc32:
    """zlib's, in hashlib's shape."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def checksum(algorithm: str) -> Sum:
    return Crc32() if algorithm == "crc32" else hashlib.new(algorithm, usedforsecurity=False)


def claimed(call: Call) -> dict[str, str]:
    """The checksums that the sender says its body has."""
    found = {}
    for name, value in call.headers.items():
        lower = name.lower()
        if lower.startswith(PREFIX) and lower not in (PREFIX + "mode", PREFIX + "algorithm", PREFIX + "type"):
            algorithm = lower.removeprefix(PREFIX)
            if algorithm not in CHECKSUMS:
                raise Refusal("NotImplemented")
            found[algorithm] = value
    if len(found) > 1:
        raise Refusal("InvalidRequest")
    return found


async def go_on(request: web.BaseRequest) -> None:
    """Say 100 Continue to a client that waits for it."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


async def text(call: Call) -> bytes:
    """A short body: XML."""
    await go_on(call.request)
    body = await call.request.content.read()
    content = call.headers.get("x-amz-content-sha256", "")
    if content != "UNSIGNED-PAYLOAD" and content != hashlib.sha256(body).hexdigest():
        raise Refusal("XAmzContentSHA256Mismatch")
    _compare(call, {"md5": hashlib.md5(body, usedforsecurity=False).digest()}, {})
    return body


async def receive(call: Call, shelves: Shelves, *, opaque: bool) -> Blob:
    """Put the body into a file of its own; raises Refusal when it is not what its headers say."""
    if "Content-Length" not in call.headers:
        raise Refusal("MissingContentLength")
    content = call.headers.get("x-amz-content-sha256", "")
    if content.startswith("STREAMING-"):
        raise Refusal("NotImplemented")
    claims = claimed(call)
    sums = {name: checksum(name) for name in claims}
    if not opaque or "Content-MD5" in call.headers:
        sums["md5"] = checksum("md5")
    if content != "UNSIGNED-PAYLOAD":
        sums["sha256"] = checksum("sha256")
    await go_on(call.request)
    incoming = shelves.incoming()
    try:
        with incoming.open("wb", buffering=0) as file:
            size = await _poured(call, file, sums)
        digests = {name: one.digest() for name, one in sums.items()}
        _check(call, size, digests, claims)
        return Blob(shelves.keep(incoming), size, secrets.token_hex(16) if opaque else digests["md5"].hex(), claims)
    except BaseException:
        incoming.unlink(missing_ok=True)
        raise


async def _poured(call: Call, file: RawIOBase, sums: dict[str, Sum]) -> int:
    size = 0
    while chunk := await call.request.content.readany():
        file.write(chunk)
        size += len(chunk)
        for one in sums.values():
            one.update(chunk)
    return size


def _check(call: Call, size: int, digests: dict[str, bytes], claims: dict[str, str]) -> None:
    if size != call.length:
        raise Refusal("IncompleteBody")
    if call.headers["x-amz-content-sha256"] not in ("UNSIGNED-PAYLOAD", digests.get("sha256", b"").hex()):
        raise Refusal("XAmzContentSHA256Mismatch")
    _compare(call, digests, claims)


def _compare(call: Call, digests: dict[str, bytes], claims: dict[str, str]) -> None:
    wanted = dict(claims)
    if "Content-MD5" in call.headers:
        wanted["md5"] = call.headers["Content-MD5"]
    for name, value in wanted.items():
        try:
            raw = base64.b64decode(value, validate=True)
        except ValueError as bad:
            raise Refusal("InvalidDigest") from bad
        if raw != digests[name]:
            raise Refusal("BadDigest")


def composite(algorithm: str, parts: list[Blob]) -> str:
    """The checksum of an object of many parts: of the parts' checksums, and how many they were."""
    total = checksum(algorithm)
    for part in parts:
        total.update(base64.b64decode(part.checksums[algorithm]))
    return f"{base64.b64encode(total.digest()).decode()}-{len(parts)}"
