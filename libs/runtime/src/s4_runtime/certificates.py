"""When a certificate ended: asked of whoever shows it, trusted in everything but its dates."""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Literal

Before = Literal["nothing", "postgresql", "smtp"]  # what is spoken before TLS
_PATIENCE = timedelta(seconds=5)
_NO_DATES = 0x200000  # OpenSSL, X509_V_FLAG_NO_CHECK_TIME
_EXPIRED = 10  # OpenSSL, X509_V_ERR_CERT_HAS_EXPIRED
_WISH = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"  # PostgreSQL's protocol, SSLRequest

_WORDS: Mapping[Before, tuple[bytes, ...]] = MappingProxyType(
    {"nothing": (), "postgresql": (_WISH,), "smtp": (b"", b"EHLO s4\r\n", b"STARTTLS\r\n")}
)


def refused(error: BaseException | None) -> str | None:
    """What TLS has against the other side, if this or a cause of it is about that."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return "certificate-expired" if error.verify_code == _EXPIRED else "certificate-refused"
        if isinstance(error, ssl.SSLError):
            return "tls-failed"
        error = error.__cause__
    return None


async def encrypted(host: str, port: int, context: ssl.SSLContext, before: Before) -> asyncio.StreamWriter:
    """A connection on which TLS has begun. Raises OSError, and TimeoutError from a caller's limit."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        for words in _WORDS[before]:
            writer.write(words)
            await (_answer(reader, b"S") if words == _WISH else _reply(reader))
        await writer.start_tls(context, server_hostname=host)
    except BaseException:  # cancelled too: the socket is given back; it goes on to the caller
        writer.close()
        raise
    return writer


async def _answer(reader: asyncio.StreamReader, wanted: bytes) -> None:
    if await reader.read(1) != wanted:
        raise ConnectionError("no TLS")


async def _reply(reader: asyncio.StreamReader) -> None:
    while (line := await reader.readline())[3:4] == b"-":
        pass
    if line[:1] != b"2":
        raise ConnectionError("no TLS")


async def _ended(host: str, port: int, cafile: str | Path | None, before: Before = "nothing") -> datetime | None:
    """Since when the certificate there, of an authority that we trust, has been over; None when that is not so."""
    with suppress(OSError, TimeoutError, ValueError):
        context = ssl.create_default_context(cafile=str(cafile) if cafile else None)
        context.verify_flags = ssl.VerifyFlags(context.verify_flags | _NO_DATES)
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            writer = await encrypted(host, port, context, before)
        shown = writer.get_extra_info("ssl_object").getpeercert()
        writer.close()
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)
    return None


async def since(host: str, port: int, cafile: str | Path | None, before: Before = "nothing") -> dict[str, str]:
    """Since when the certificate there has been over, as ``ended`` for a log line; empty when that is not so."""
    over = await _ended(host, port, cafile, before)
    return {"ended": f"{over:%Y-%m-%dT%H:%MZ}"} if over else {}
