"""Questions over UDP and TCP at one address."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiohttp
from dnslib import RCODE, DNSError, DNSRecord

from s4_devcloud.dns.answers import Found, LookUp, answer

ASK_SECONDS = 2.0
UDP_BYTES = 512  # RFC 1035, 4.2.1; longer answers are cut, and asked for again over TCP
Reply = Callable[[bytes], Awaitable[bytes]]


class Route53:
    """What the emulated cloud has, asked of its control API each time: a change is seen at once."""

    def __init__(self, session: aiohttp.ClientSession, control: str) -> None:
        self._session, self._url = session, f"{control}/records"

    async def __call__(self, name: str) -> Found:
        """Raises aiohttp.ClientError and TimeoutError when the cloud does not answer."""
        async with asyncio.timeout(ASK_SECONDS), self._session.get(self._url, params={"name": name}) as said:
            said.raise_for_status()
            described = await said.json()
        records = tuple((each["type"], each["ttl"], tuple(each["values"])) for each in described["records"])
        return Found(described["is_ours"], records)


def replying(look_up: LookUp) -> Reply:
    """Packets in, packets out; nothing for what is no question."""

    async def reply(packet: bytes) -> bytes:
        try:
            question = DNSRecord.parse(packet)
        except DNSError:
            return b""
        if question.header.qr:
            return b""
        try:
            said = await answer(question, look_up)
        except (aiohttp.ClientError, TimeoutError):
            said = question.reply(ra=0)
            said.header.rcode = RCODE.SERVFAIL
        return bytes(said.pack())

    return reply


class Datagrams(asyncio.DatagramProtocol):
    """Each question is answered in its own task."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Remember the way out."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer it."""
        task = asyncio.get_running_loop().create_task(self._answer(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, packet: bytes, to: tuple[str, int]) -> None:
        said = await self._reply(packet)
        if len(said) > UDP_BYTES:
            said = bytes(DNSRecord.parse(said).truncate().pack())
        if said:
            self._transport.sendto(said, to)


async def serve_stream(reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Questions one after the other, each with its length before it."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            said = await reply(await reader.readexactly(length))
            if not said:
                break
            writer.write(struct.pack("!H", len(said)) + said)
            await writer.drain()
    writer.close()
