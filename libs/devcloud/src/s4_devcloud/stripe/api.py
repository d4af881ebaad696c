"""The JSON API: each route of the resources behind Stripe's wire contract."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from s4_devcloud.stripe.access import check_key, check_version
from s4_devcloud.stripe.breaking import break_before, send
from s4_devcloud.stripe.calls import Call, Route
from s4_devcloud.stripe.expand import Expander
from s4_devcloud.stripe.faults import Fault
from s4_devcloud.stripe.forms import Raw, parse
from s4_devcloud.stripe.idempotency import Answer
from s4_devcloud.stripe.journal import Request
from s4_devcloud.stripe.problems import NotImplementedHere, Problem
from s4_devcloud.stripe.reading import read_record
from s4_devcloud.stripe.resources import (
    charges,
    credit_notes,
    customer_cards,
    customer_deletion,
    customers,
    disputes,
    event_destinations,
    events,
    fraud_warnings,
    invoices,
    payment_intents,
    payment_methods,
    portal_configurations,
    portal_sessions,
    prices,
    products,
    refunds,
    sessions,
    subscriptions,
    test_clocks,
    thin_events,
    webhook_endpoints,
)
from s4_devcloud.stripe.shapes import record_of
from s4_devcloud.stripe.store import Cause
from s4_devcloud.stripe.version2 import is_version2, problem_body, read_json
from s4_devcloud.stripe.wire import API_VERSION, Wire, new_id
from s4_devcloud.stripe.world import World

_RESOURCES = (
    *(customers, customer_cards, customer_deletion, products, prices, sessions, subscriptions),
    *(invoices, payment_intents, payment_methods, charges, events),
    *(portal_configurations, portal_sessions),
    *(refunds, disputes, fraud_warnings, credit_notes),
    *(webhook_endpoints, event_destinations, thin_events, test_clocks),
)
_KEPT_STATUSES = (402,)  # errors that only a request that began to work can have; 5xx too


def all_routes() -> list[Route]:
    """Every operation that is implemented."""
    return [route for resource in _RESOURCES for route in resource.routes()]


@dataclass(frozen=True)
class _Asked:
    """A request as its handler sees it."""

    http: web.Request
    note: Request
    fault: Fault | None


class Api:
    """Answers API requests from the world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._expander = Expander(
            {
                ("checkout.session", "line_items"): sessions.lines_included,
                ("invoice", "payments"): invoices.payments_of,
                ("invoice", "confirmation_secret"): invoices.confirmation_of,
                ("charge", "refunds"): refunds.refunds_of,
            }
        )

    def mount(self, app: web.Application) -> None:
        """Add every route, and the answer for those that do not exist."""
        for route in all_routes():
            app.router.add_route(route.method, route.path, self._handler(route))
        for version in ("v1", "v2"):
            app.router.add_route("*", f"/{version}/{{rest:.*}}", self._handler(None))

    def _handler(self, route: Route | None) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(http: web.Request) -> web.StreamResponse:
            note = Request(new_id("req", 14), http.method, http.path, _key(http))
            self._world.journal.requests.append(note)
            asked = _Asked(http, note, self._world.faults.take(http.method, http.path))
            try:
                answer = await self._answer(route, asked)
            except Problem as problem:
                answer = self._problem(problem, note)
            note.status = answer.status
            if isinstance(answer, web.StreamResponse):
                return answer
            return await send(http, _response(answer, note), asked.fault)

        return answer

    async def _answer(self, route: Route | None, asked: _Asked) -> Answer | web.StreamResponse:
        if asked.fault is not None:
            asked.note.fault = asked.fault.kind
            broken = await break_before(asked.http, asked.fault)
            if broken is not None:
                return broken
        check_key(asked.http, self._world.settings)
        check_version(asked.http)
        if route is None:
            raise self._unknown_route(asked.http)
        raw = await _read(asked.http)
        key = asked.note.idempotency_key
        if key is None:
            return await self._work(route, asked, raw)
        kept = self._world.keys.begin(key, _fingerprint(asked.http, raw))
        if kept is not None:
            asked.note.replayed = True
            return kept
        try:
            return await self._work(route, asked, raw)
        finally:
            self._world.keys.end(key)

    async def _work(self, route: Route, asked: _Asked, raw: Raw) -> Answer:
        """The answer to a request that is neither refused at the door nor a repetition, kept under its key."""
        kind = asked.fault.kind if asked.fault is not None else None
        if kind == "hang":
            await _never()
        if kind == "slow" and asked.fault is not None:
            await asyncio.sleep(asked.fault.seconds)
        paged = {"page": str(raw.pop("page"))} if "page" in raw and is_version2(route.path) else {}
        params = read_record(record_of(route.params), raw)
        route.refuse_unsupported(params)
        params |= paged
        try:
            answer = Answer(200, self._change(route, asked, params), asked.note.request_id)
        except Problem as problem:
            answer = self._problem(problem, asked.note)
        if asked.note.idempotency_key is not None and _is_kept(answer.status):
            self._world.keys.keep(asked.note.idempotency_key, answer)
        if kind == "commit_then_timeout":
            asked.note.status = answer.status
            await _never()
        return answer

    def _change(self, route: Route, asked: _Asked, params: Wire) -> Wire:
        """Do what the route does, in one transaction with its events."""
        if asked.fault is not None and asked.fault.kind == "500":
            raise Problem(500, "An unknown error occurred.", kind="api_error")
        paths = params.pop("expand", [])
        cause = Cause(asked.note.request_id, asked.note.idempotency_key)
        with self._world.transaction(cause) as tx:
            call = Call(tx, params, asked.http.match_info, self._world.settings.public_url)
            return self._expander.expand(tx, route.handler(call), paths)

    def _problem(self, problem: Problem, note: Request) -> Answer:
        if isinstance(problem, NotImplementedHere):
            self._world.journal.unimplemented[problem.what] += 1
        body = problem_body(problem) if is_version2(note.path) else problem.body()
        return Answer(problem.status, body, note.request_id)

    def _unknown_route(self, http: web.Request) -> Problem:
        self._world.journal.unimplemented[f"{http.method} {http.path}"] += 1
        return Problem(
            404,
            f"Unrecognized request URL ({http.method}: {http.path}). "
            "If Stripe has it, then the local stand-in does not implement it.",
        )


async def _never() -> None:
    """Wait until the caller gives up: the server cancels handlers whose connection is gone."""
    await asyncio.Event().wait()


def _is_kept(status: int) -> bool:
    return status == 200 or status in _KEPT_STATUSES or status >= 500


async def _read(http: web.Request) -> Raw:
    """The parameters of the query and of the body."""
    if is_version2(http.path):
        return {**parse(http.query.items()), **await read_json(http)}
    pairs = list(http.query.items())
    if http.method in ("POST", "DELETE") and http.can_read_body:
        if http.content_type != "application/x-www-form-urlencoded":
            raise Problem(400, f"Invalid request: the v1 API takes form-encoded bodies, not {http.content_type}.")
        try:
            form = await http.post()
        except UnicodeDecodeError:
            raise Problem(400, "Invalid request: the body is not UTF-8.") from None
        pairs += [(key, value) for key, value in form.items() if isinstance(value, str)]
    return parse(pairs)


def _key(http: web.Request) -> str | None:
    """The idempotency key, where one has an effect."""
    keyed = http.method == "POST" or (http.method == "DELETE" and is_version2(http.path))
    return http.headers.get("Idempotency-Key") if keyed else None


def _fingerprint(http: web.Request, raw: Raw) -> str:
    return hashlib.sha256(f"{http.method} {http.path} {json.dumps(raw, sort_keys=True)}".encode()).hexdigest()


def _response(answer: Answer, note: Request) -> web.Response:
    headers = {"Request-Id": note.request_id, "Stripe-Version": API_VERSION, "Cache-Control": "no-cache, no-store"}
    if note.idempotency_key is not None:
        headers["Idempotency-Key"] = note.idempotency_key
        headers["Original-Request"] = answer.request_id
    if note.replayed:
        headers["Idempotent-Replayed"] = "true"
    if answer.status == 503:
        headers["Stripe-Should-Retry"] = "true"
    return web.json_response(answer.body, status=answer.status, headers=headers)
