"""One connection to the mailbox server: the only module that speaks its protocol.

The server is public, and whoever is on it may say anything: what is not of the right form is passed over.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import aiohttp

from s4_invites.handshake import Message
from s4_invites.keys import APP_ID
from s4_runtime import Temporary

_PATIENCE = timedelta(seconds=15)  # for an answer
_FAREWELL = timedelta(seconds=2)
# Seconds. A proxy in between may end what is silent for a minute; a server that is gone is missed sooner.
_HEARTBEAT = 20.0
_LARGEST = 65536  # bytes; the largest message of a handshake is below one kilobyte
_CROWDED = {"crowded", "reclaimed"}


class MailboxUnreachable(Temporary):
    """The mailbox server is away, or does not let us in."""


class MailboxCrowded(Exception):  # it says nothing, and is no trouble: an invite ends by it
    """Others than the two sides of this invite have been at its mailbox."""


class Mailbox:
    """One side's view of one mailbox, for as long as one connection lasts."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._nameplate: str | None = None
        self._heard: list[Message] = []
        self.id = ""

    async def enter(self, side: str, nameplate: str, known: str | None) -> list[Message]:
        """The mailbox is open to us; all that is in it. ``known`` is its id, if the nameplate has served already.

        Raises MailboxUnreachable, MailboxCrowded.
        """
        welcome = (await self._answer("welcome")).get("welcome")
        if not isinstance(welcome, Mapping) or "error" in welcome:
            raise MailboxUnreachable("mailbox-unwelcome")
        await self._tell("bind", appid=APP_ID, side=side)
        self._nameplate = nameplate
        if known is None:
            await self._tell("claim", nameplate=nameplate)
            known = str((await self._answer("claimed")).get("mailbox"))
        self.id = known
        await self._tell("open", mailbox=known)
        await self._tell("ping", ping=0)  # what was in the mailbox comes before its answer
        await self._answer("pong")
        found, self._heard = self._heard, []
        return found

    async def say(self, phase: str, body: bytes) -> None:
        """The message is on its way. It comes back to us when it is in the mailbox."""
        await self._tell("add", phase=phase, body=body.hex())

    async def hear(self) -> Message:
        """The next message, ours included. Raises MailboxUnreachable, MailboxCrowded."""
        while not self._heard:
            await self._next()
        return self._heard.pop(0)

    async def release(self) -> None:
        """Nobody else is led here by the nameplate any more."""
        if self._nameplate is not None:
            await self._tell("release", nameplate=self._nameplate)
            self._nameplate = None

    async def close(self, mood: str) -> None:
        """We want no more of this mailbox; as far as it can still be told."""
        with suppress(MailboxUnreachable, MailboxCrowded, TimeoutError):
            async with asyncio.timeout(_FAREWELL.total_seconds()):
                await self.release()
                await self._tell("close", mailbox=self.id, mood=mood)
                await self._answer("closed")

    async def _answer(self, kind: str) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                while (frame := await self._next()).get("type") != kind:
                    pass
        except TimeoutError:
            raise MailboxUnreachable("mailbox-silent") from None
        return frame

    async def _next(self) -> Mapping[str, Any]:
        """The next frame. A message is also noted as heard."""
        try:
            frame = json.loads(await self._socket.receive_str())
        except (aiohttp.ClientError, TypeError, ValueError, RecursionError):
            raise MailboxUnreachable("mailbox-left") from None
        if not isinstance(frame, Mapping):
            raise MailboxUnreachable("mailbox-nonsense")
        if frame.get("type") == "error":
            if frame.get("error") in _CROWDED:
                raise MailboxCrowded
            raise MailboxUnreachable("mailbox-refuses")
        if frame.get("type") == "message" and (message := _message(frame)):
            self._heard.append(message)
        return frame

    async def _tell(self, kind: str, **said: object) -> None:
        try:
            await self._socket.send_str(json.dumps({"type": kind, **said}))
        except (aiohttp.ClientError, ConnectionError):
            raise MailboxUnreachable("mailbox-left") from None


@asynccontextmanager
async def connected(session: aiohttp.ClientSession, url: str) -> AsyncIterator[Mailbox]:
    """A connection that no mailbox was opened on yet. Raises MailboxUnreachable."""
    try:
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            socket = await session.ws_connect(url, heartbeat=_HEARTBEAT, max_msg_size=_LARGEST)
    except (aiohttp.ClientError, OSError, TimeoutError):
        raise MailboxUnreachable("mailbox-unreachable") from None
    try:
        yield Mailbox(socket)
    finally:
        with suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
            async with asyncio.timeout(_FAREWELL.total_seconds()):
                await socket.close()


def _message(frame: Mapping[str, Any]) -> Message | None:
    try:
        side, phase, body = str(frame["side"]), str(frame["phase"]), bytes.fromhex(frame["body"])
    except (KeyError, TypeError, ValueError):
        return None
    return Message(side, phase, body)
