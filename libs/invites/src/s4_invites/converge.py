"""Every open invite is in the hands of one replica, which holds its mailbox open until somebody uses it."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta

import msgspec

from s4_contracts.ids import InviteId
from s4_invites import metrics, store
from s4_invites.handshake import Handshake
from s4_invites.session import Held, Session, Tools
from s4_invites.store import Invite
from s4_runtime import LOOP_FAILURES, Permanent, Temporary, context, get_logger, last_success
from s4_store import LeaseLost, Wakeup

LOOP = "invites"
_KEPT = timedelta(days=90)  # for so long owners see what became of an invite


class Agent:
    """One replica. It may end at any moment: another one, or itself when it is back, goes on."""

    def __init__(self, tools: Tools, *, lease: timedelta, most: int) -> None:
        self._tools = tools
        self._lease = lease
        self._most = most
        self._held: dict[InviteId, tuple[Held, asyncio.Task[None]]] = {}
        self._kept_at = 0.0

    async def forever(self) -> None:
        """Hold invites open until cancelled; then others may have them at once. An outage of the database passes."""
        async with Wakeup.listen(self._tools.pool.url, store.CHANNEL) as wakeup, asyncio.TaskGroup() as group:
            try:
                while True:
                    await self._survive(group)
                    await wakeup.wait(self._lease / 4)
            finally:
                await self._let_go()

    async def _survive(self, group: asyncio.TaskGroup) -> None:
        clock = self._tools.clock
        try:
            await self._round(group)
            last_success(LOOP)
        except Temporary as trouble:
            LOOP_FAILURES.labels(LOOP, trouble.code).inc()
            get_logger().warning("invites.interrupted", code=trouble.code)
        if clock.monotonic() - self._kept_at >= self._lease.total_seconds():
            self._drop(list(self._held))  # others may have them by now

    async def _round(self, group: asyncio.TaskGroup) -> None:
        tools = self._tools
        now, began_at = tools.clock.now(), tools.clock.monotonic()
        await store.end_expired(tools.pool, now)
        await store.forget(tools.pool, now - _KEPT)
        held = [(held.id, held.token) for held, _ in self._held.values()]
        ours = await store.keep(tools.pool, held, self._lease, now)
        self._kept_at = began_at
        self._drop(invite for invite, _ in held if invite not in ours)
        if (room := self._most - len(self._held)) > 0:
            for row in await store.LEASES.claim(tools.pool, room, self._lease, now):
                self._take(group, Held(row["id"], row["grid_id"], row["lease_token"]), store.of(row))
        await self._show()

    def _take(self, group: asyncio.TaskGroup, held: Held, invite: Invite) -> None:
        self._drop([held.id])
        self._held[held.id] = held, group.create_task(self._serve(held, invite), name=f"invite {held.id}")

    def _drop(self, invites: Iterable[InviteId]) -> None:
        """Nothing more is done for these: they have ended, or are somebody else's."""
        for invite in invites:
            if invite in self._held:
                _, task = self._held.pop(invite)
                task.cancel()

    async def _serve(self, held: Held, invite: Invite) -> None:
        """The invite was served to its end, or let go. What goes wrong with one does not concern the others."""
        cause = msgspec.structs.replace(context.fresh(), correlation_id=invite.correlation_id)
        with context.bound(cause):
            try:
                kept = self._tools.seal.open(invite.sealed or b"", invite.id)
                handshake = Handshake(kept, may_have_given=invite.giving_at is not None)
                await Session(self._tools, held, handshake).run()
            except LeaseLost:
                get_logger().info("invite.let-go", invite=held.id)
            except Permanent as trouble:
                get_logger().error("invite.unusable", invite=held.id, code=trouble.code)
            except Exception as error:  # noqa: BLE001  one invite must not end all others
                get_logger().error("invite.failed", invite=held.id, error=type(error).__name__, exc_info=error)
        if (mine := self._held.get(held.id)) and mine[0] is held:
            del self._held[held.id]

    async def _let_go(self) -> None:
        left = [held for held, _ in self._held.values()]
        tasks = [task for _, task in self._held.values()]
        self._drop(list(self._held))
        if tasks:
            await asyncio.wait(tasks)
        with suppress(Temporary):
            await store.let_go(self._tools.pool, [(held.id, held.token) for held in left])

    async def _show(self) -> None:
        is_open, is_unreachable = await store.count(self._tools.pool)
        metrics.OPEN.set(is_open)
        metrics.UNREACHABLE.set(is_unreachable)
        metrics.IN_HAND.set(len(self._held))
        if not self._held:
            self._tools.heard.not_needed()
