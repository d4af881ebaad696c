"""Parked messages are handled again, taken away, or put back: each deed with a reason, on record before it is done."""

import hashlib
from collections.abc import Sequence

import msgspec
from aiohttp import web

from s4_bus.parked_deeds import Aside, Held, ParkedQueues, parked_queues
from s4_runtime import is_id
from s4_runtime.operators import OPERATOR
from s4_runtime.refusals import NotThere, WrongWish
from s4_store import Transaction
from s4_support.operator.asking import Act, Answer, Wish, act_of, json, offer, read, use
from s4_support.operator.queues import described
from s4_support.operator.tools import Tools
from s4_support.site import AUDIT

AT_ONCE = 200  # messages that one call moves; the rest is for the next
_SHOWN = 20
_KEEP = """
INSERT INTO dropped (service, id, type, code, message, dropped_at, dropped_by) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (service, id) DO UPDATE SET message = excluded.message, dropped_at = excluded.dropped_at,
    dropped_by = excluded.dropped_by, restored_at = NULL, type = excluded.type, code = excluded.code
"""


class QueueDeeds:
    """Does what operators want done to parked messages."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def replay(self, request: web.Request) -> web.Response:
        """The messages are in their service's queue again; ``left`` of those that fit are not yet."""
        act, wish = await self._asked(request, "queue-replay")
        async with parked_queues(self._tools.amqp_url) as queues:
            chosen = await _chosen(queues, act, wish)
            now, later = chosen[:AT_ONCE], chosen[AT_ONCE:]
            if wish.dry_run:
                return json({"would": _would(act, chosen)})
            await self._note(act, wish, now)
            for held in now:
                await queues.replay(act.service, held)
        return json({"service": act.service, "replayed": len(now), "left": len(later)})

    async def drop(self, request: web.Request) -> web.Response:
        """The messages are kept here, whole, and only then gone from the queue. Shown first, done by a code."""
        act, wish = await self._asked(request, "queue-drop")
        if wish.all or not wish.ids or len(wish.ids) > AT_ONCE:
            raise WrongWish("name-each-message")
        async with parked_queues(self._tools.amqp_url) as queues:
            chosen = await _chosen(queues, act, wish)
            if wish.dry_run:
                return json({"would": _would(act, chosen)})
            stamp = hashlib.sha256(",".join(sorted(held.aside.id for held in chosen)).encode()).hexdigest()
            async with self._tools.pool.transaction() as tx:
                if wish.confirm is None:
                    code, until = await offer(tx, act, stamp)
                    await _record(tx, act, wish, chosen, asked=True)
                    return json({"would": _would(act, chosen), "confirm": code, "until": until, "by_another": False})
                await use(tx, act, wish.confirm, stamp)
                for held in chosen:
                    await tx.execute(_KEEP, act.service, *_kept(held.aside), act.now, act.who)
                await _record(tx, act, wish, chosen)
            for held in chosen:
                await held.message.ack()
        return json({"service": act.service, "dropped": len(chosen), "kept_for": self._tools.settings.dropped_kept})

    async def restore(self, request: web.Request) -> web.Response:
        """Messages that were dropped are parked again. Killed in the middle, some may be parked twice: harmless."""
        act, wish = await self._asked(request, "queue-restore")
        sql = "SELECT id, message FROM dropped WHERE service = $1 AND id = ANY ($2::uuid[]) AND restored_at IS NULL"
        if not all(map(is_id, wish.ids)):
            raise WrongWish("not-an-id")
        rows = await self._tools.pool.fetch(sql + " ORDER BY dropped_at, id", act.service, wish.ids)
        if not rows or len(rows) != len(set(wish.ids)):
            raise NotThere("no-such-message")
        asides = [msgspec.json.decode(row["message"], type=Aside) for row in rows]
        if wish.dry_run:
            return json({"would": {"service": act.service, "messages": len(asides)}})
        async with self._tools.pool.transaction() as tx:
            await AUDIT.note(tx, act.now, act.who, act.what, None, thing=act.service, ids=wish.ids, reason=wish.reason)
        async with parked_queues(self._tools.amqp_url) as queues:
            for aside in asides:
                await queues.park(act.service, aside)
        update = "UPDATE dropped SET restored_at = $3 WHERE service = $1 AND id = ANY ($2::uuid[])"
        await self._tools.pool.execute(update, act.service, wish.ids, act.now)
        return json({"service": act.service, "restored": len(asides)})

    async def _asked(self, request: web.Request, what: str) -> tuple[Act, Wish]:
        wish = read(await request.read(), Wish)
        return act_of(request, self._tools, self._tools.clock, request[OPERATOR], what), wish

    async def _note(self, act: Act, wish: Wish, chosen: Sequence[Held]) -> None:
        async with self._tools.pool.transaction() as tx:
            await _record(tx, act, wish, chosen)


async def _chosen(queues: ParkedQueues, act: Act, wish: Wish) -> list[Held]:
    """The parked messages that the wish names. Raises WrongWish, and NotThere when one of them is not there."""
    if sum(map(bool, (wish.ids, wish.code, wish.all))) != 1:
        raise WrongWish("ids-or-code-or-all")
    ids = set(wish.ids)
    found = [
        held
        async for held in queues.each(act.service)
        if wish.all or held.aside.id in ids or (wish.code and held.aside.code == wish.code)
    ]
    if ids - {held.aside.id for held in found}:
        raise NotThere("no-such-message")
    return found


async def _record(tx: Transaction, act: Act, wish: Wish, chosen: Sequence[Held], *, asked: bool = False) -> None:
    what = act.what + "-asked" if asked else act.what
    ids = [held.aside.id for held in chosen]
    await AUDIT.note(tx, act.now, act.who, what, None, thing=act.service, ids=ids, reason=wish.reason)


def _would(act: Act, chosen: Sequence[Held]) -> Answer:
    shown = [described(held.aside) for held in chosen[:_SHOWN]]
    return {"service": act.service, "messages": len(chosen), "parked": shown}


def _kept(aside: Aside) -> tuple[str, str, str, str]:
    return aside.id, aside.type, aside.code, msgspec.json.encode(aside).decode()
