"""As much of a server as it takes to see its certificate."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from s4_runtime.certificates import Before
from support.certificates import Certificate


@asynccontextmanager
async def showing(certificate: Certificate, before: Before = "nothing") -> AsyncIterator[int]:
    """A server that says what comes before TLS, and then shows this certificate; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError):
            await _greet(reader, writer, before)
            await writer.start_tls(context)
            await reader.read(1)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, before: Before) -> None:
    if before == "postgresql":
        await reader.readexactly(8)
        writer.write(b"S")
    elif before == "smtp":
        for words in (b"220 mail\r\n", b"250-mail\r\n250 STARTTLS\r\n", b"220 go on\r\n"):
            writer.write(words)
            if not words.startswith(b"220 go"):
                await reader.readline()
