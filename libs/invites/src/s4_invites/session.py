"""One invite in the hands of one replica: its mailbox is held open until it ends."""

import asyncio
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from random import Random

import aiohttp
import msgspec

from s4_contracts.ids import GridId, InviteId
from s4_invites import store
from s4_invites.codes import nameplate_of
from s4_invites.furls import Furls, GridGone
from s4_invites.handshake import Claimed, Commit, Dead, Give, Handshake, Say, Wait
from s4_invites.mailbox import Mailbox, MailboxCrowded, MailboxUnreachable, connected
from s4_invites.metrics import TROUBLE, LastHeard
from s4_invites.sealing import Seal
from s4_runtime import Backoff, Clock, Temporary, get_logger
from s4_store import LeaseLost, Pool

_STEADY = timedelta(minutes=1)  # a connection that lasted this long is no sign of trouble when it ends


class Tools(msgspec.Struct, frozen=True):
    """What every session works with."""

    pool: Pool
    seal: Seal
    furls: Furls
    http: aiohttp.ClientSession
    mailbox_url: str
    backoff: Backoff
    clock: Clock
    random: Random
    heard: LastHeard
    patience: timedelta
    entrance: asyncio.Semaphore


class Held(msgspec.Struct, frozen=True):
    """The invite that is ours for as long as the lease is."""

    id: InviteId
    grid_id: GridId
    token: str


class Session:
    """The handshake of one invite, over as many connections as it takes."""

    def __init__(self, tools: Tools, held: Held, handshake: Handshake) -> None:
        self._tools = tools
        self._held = held
        self._handshake = handshake

    async def run(self) -> None:
        """The invite has ended. Raises LeaseLost; an outage of anything else is waited out."""
        tools, attempt = self._tools, 0
        while True:
            began_at = tools.clock.monotonic()
            try:
                return await self._once()
            except MailboxCrowded:
                return await self._end("crowded")
            except LeaseLost:
                raise
            except Temporary as trouble:
                TROUBLE.labels(trouble.code).inc()
                is_steady = tools.clock.monotonic() - began_at > _STEADY.total_seconds()
                attempt = 1 if is_steady else attempt + 1
                if attempt > 1:  # one broken connection is no news
                    get_logger().warning("invite.interrupted", invite=self._held.id, code=trouble.code)
                    await self._say_unreachable(trouble)
            await tools.clock.sleep(tools.backoff.delay(attempt, tools.random).total_seconds())

    async def _once(self) -> None:
        tools = self._tools
        async with AsyncExitStack() as stack:
            async with tools.entrance:
                mailbox = await stack.enter_async_context(connected(tools.http, tools.mailbox_url))
                await self._enter(mailbox)
            tools.heard.opened()
            try:
                await self._talk(mailbox)
            finally:
                tools.heard.lost()

    async def _say_unreachable(self, trouble: Temporary) -> None:
        if isinstance(trouble, MailboxUnreachable):
            with suppress(Temporary):
                await store.unreached(self._tools.pool, self._held.id, self._held.token, self._tools.clock.now())

    async def _enter(self, mailbox: Mailbox) -> None:
        kept = self._handshake.kept
        known = kept.peer.mailbox if kept.peer else None
        found = await mailbox.enter(kept.side, nameplate_of(kept.code), known)
        if known is not None:
            await mailbox.release()
        await store.reached(self._tools.pool, self._held.id)
        self._handshake.reconnected()
        for message in found:
            self._handshake.hear(message)

    async def _talk(self, mailbox: Mailbox) -> None:
        """The invite has ended. Whoever has made the one guess must go on, or their silence ends it too.

        Who falls silent after the first message may have seen that the guess was wrong.
        """
        mood: str | None = "scary"
        try:
            async with asyncio.timeout(None) as patience:
                if self._handshake.kept.peer is not None:
                    self._hurry(patience)
                mood = await self._moves(mailbox, patience)
        except TimeoutError:
            await self._end("guessed")
        if mood is not None:
            await mailbox.close(mood)

    def _hurry(self, patience: asyncio.Timeout) -> None:
        patience.reschedule(asyncio.get_running_loop().time() + self._tools.patience.total_seconds())

    async def _moves(self, mailbox: Mailbox, patience: asyncio.Timeout) -> str | None:
        """The invite has ended; in what mood the mailbox is to be closed, if it is."""
        while True:
            match self._handshake.next_move():
                case Wait():
                    self._handshake.hear(await mailbox.hear())
                case Say(phase, body):
                    await mailbox.say(phase, body)
                    self._handshake.said(phase)
                case Commit() as commit:
                    await self._commit(mailbox, commit)
                    self._hurry(patience)
                case Give():
                    if not await self._give():
                        return "errory"
                case Claimed():
                    await self._end("claimed")
                    # Closing could be the last side's closing, which drops the settings before a client that is just
                    # then connecting anew has them. Left alone, the server keeps them for some minutes.
                    return None
                case Dead(outcome):
                    await self._end(outcome)
                    return "scary"

    async def _commit(self, mailbox: Mailbox, commit: Commit) -> None:
        """On record first: after a restart nobody gets a second guess."""
        tools, held = self._tools, self._held
        kept = self._handshake.kept_after(commit, mailbox.id)
        async with store.LEASES.apply(tools.pool, held.id, held.token, keep=True) as tx:
            await store.keep_sealed(tx, held.id, tools.seal.seal(kept, held.id))
        self._handshake.committed(kept)
        await mailbox.release()

    async def _give(self) -> bool:
        """The settings may leave; False when the invite has ended instead."""
        tools, held = self._tools, self._held
        try:
            settings = await tools.furls.settings_of(held.grid_id)
        except GridGone:
            await self._end("grid-gone")
            return False
        async with store.LEASES.apply(tools.pool, held.id, held.token, keep=True) as tx:
            if not await store.giving(tx, held.id, tools.clock.now()):
                await store.end(tx, held.id, "expired", tools.clock.now())
                return False
        self._handshake.give(settings.reveal().encode())
        return True

    async def _end(self, outcome: store.Ending) -> None:
        tools, held = self._tools, self._held
        async with store.LEASES.apply(tools.pool, held.id, held.token) as tx:
            ended = await store.end(tx, held.id, outcome, tools.clock.now())
        if ended is not None:
            get_logger().info("invite.ended", invite=ended.id, grid=ended.grid_id, outcome=ended.state)
