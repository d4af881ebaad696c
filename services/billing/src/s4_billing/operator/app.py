"""The operators' routes."""

from dataclasses import dataclass

import msgspec
from aiohttp import web

from s4_billing import audit
from s4_billing.asking import read as read_body
from s4_billing.errors import NoSuchAccount, WrongWish
from s4_billing.money import RefundRow
from s4_billing.operator import drift, history, replay, whose
from s4_billing.operator.refunds import Refunds, Wish
from s4_billing.reconcile.nightly import Everything
from s4_billing.settings import Settings
from s4_billing.sync import Sync
from s4_runtime import Clock, correlation_middleware, error_middleware, is_id
from s4_runtime.http import ErrorTable
from s4_runtime.operators import OPERATOR, operators_only, read
from s4_store import Pool

_MAX_BODY_BYTES = 16 * 1024
_MOST_ROWS = 1000


@dataclass(frozen=True)
class Desk:
    """What operators ask for. Whatever changes something leaves a row in the audit with their name."""

    pool: Pool
    sync: Sync
    everything: Everything
    refunds: Refunds
    clock: Clock

    async def find(self, request: web.Request) -> web.Response:
        """The accounts of an address."""
        return _json({"accounts": await history.accounts_of(self.pool, request.query.get("email", ""))})

    async def whose(self, request: web.Request) -> web.Response:
        """The accounts of an id of Stripe's."""
        found = await whose.accounts_of_stripe(self.pool, request.match_info["stripe_id"])
        if not found:
            raise NoSuchAccount("no-such-account")
        return _json({"accounts": found})

    async def show(self, request: web.Request) -> web.Response:
        """Everything that is known of an account."""
        account_id = _id(request, "account_id")
        found = await history.history(self.pool, account_id)
        if found is None:
            raise NoSuchAccount("no-such-account")
        return _json({"account_id": account_id, "history": found})

    async def look(self, request: web.Request) -> web.Response:
        """The account is as Stripe says now."""
        account_id = _id(request, "account_id")
        if await history.history(self.pool, account_id) is None:
            raise NoSuchAccount("no-such-account")
        await self.sync.account(account_id)
        async with self.pool.transaction() as tx:
            await audit.note(tx, self.clock.now(), request[OPERATOR], "sync", account_id)
        return await self.show(request)

    async def replay(self, request: web.Request) -> web.Response:
        """The event is handled once more, soon."""
        event, now = request.match_info["event_id"], self.clock.now()
        async with self.pool.transaction() as tx:
            if not await replay.replay(tx, event, now):
                raise NoSuchAccount("no-such-event")
            await audit.note(tx, now, request[OPERATOR], "replay", None, event=event)
        return _json({"event": event, "due": now})

    async def refund(self, request: web.Request) -> web.Response:
        """Money back for a bill, at once or after a second operator has agreed."""
        wish = read_body(await request.read(), Wish)
        return _json(_shown(await self.refunds.ask(wish, request[OPERATOR])))

    async def approve(self, request: web.Request) -> web.Response:
        """A refund that another operator proposed is on its way."""
        return _json(_shown(await self.refunds.approve(request.match_info["refund_id"], request[OPERATOR])))

    async def last_drift(self, _request: web.Request) -> web.Response:
        """How Stripe and we differed at the last look."""
        return _json(await drift.report(self.everything, None))

    async def look_for_drift(self, request: web.Request) -> web.Response:
        """How Stripe and we differ now; followed only if that was asked for."""
        wish = read_body(await request.read() or b"{}", drift.Wish)
        found = await drift.report(self.everything, wish)
        async with self.pool.transaction() as tx:
            facts = {"apply": wish.apply, "lost": wish.lost, "run": found.run_id, "found": len(found.drift)}
            await audit.note(tx, self.clock.now(), request[OPERATOR], "drift", None, **facts)
        return _json(found)

    async def audit(self, request: web.Request) -> web.Response:
        """What operators did."""
        asked = request.query.get("limit", "50")
        if not (asked.isascii() and asked.isdigit() and len(asked) < 9):
            raise WrongWish("bad-limit")
        return _json({"audit": await audit.latest(self.pool, min(int(asked), _MOST_ROWS))})


def application(desk: Desk, settings: Settings, statuses: ErrorTable) -> web.Application:
    """All routes, for operators alone."""
    named = read(settings.operator_tokens) or {}
    app = web.Application(
        middlewares=[correlation_middleware, error_middleware(statuses), operators_only(named, settings.deployment)],
        client_max_size=_MAX_BODY_BYTES,
    )
    app.router.add_get("/operator/accounts", desk.find)
    app.router.add_get("/operator/accounts/{account_id}", desk.show)
    app.router.add_get("/operator/stripe/{stripe_id}", desk.whose)
    app.router.add_post("/operator/accounts/{account_id}/sync", desk.look)
    app.router.add_post("/operator/events/{event_id}/replay", desk.replay)
    app.router.add_post("/operator/refunds", desk.refund)
    app.router.add_post("/operator/refunds/{refund_id}/approve", desk.approve)
    app.router.add_get("/operator/drift", desk.last_drift)
    app.router.add_post("/operator/drift", desk.look_for_drift)
    app.router.add_get("/operator/audit", desk.audit)
    return app


def _id(request: web.Request, name: str) -> str:
    found = request.match_info[name]
    if not is_id(found):
        raise NoSuchAccount("no-such-account")
    return found


def _shown(refund: RefundRow) -> dict[str, object]:
    """What an operator needs to know of it; ids of Stripe are in its dashboard."""
    names = ("id", "amount", "currency", "reason", "state", "note", "proposed_by", "approved_by")
    return {name: getattr(refund, name) for name in names}


def _json(answer: object) -> web.Response:
    """Times are ISO 8601, UTC."""
    return web.Response(
        body=msgspec.json.encode(answer), content_type="application/json", headers={"Cache-Control": "no-store"}
    )
