"""The API server: every request is known by its token, allowed or not, judged, and carried out on the store."""

import asyncio
import json
from collections import Counter
from typing import Any

from aiohttp import web

from s4_devcloud.kubernetes import discovery, kinds
from s4_devcloud.kubernetes.access import Access, Asked
from s4_devcloud.kubernetes.calls import Call, body_of, call_of
from s4_devcloud.kubernetes.faults import Faults
from s4_devcloud.kubernetes.problems import Refused
from s4_devcloud.kubernetes.reading import Reading
from s4_devcloud.kubernetes.store import Object
from s4_devcloud.kubernetes.writing import Writing


class Api:
    """The handler of all requests."""

    def __init__(self, access: Access, reading: Reading, writing: Writing, faults: Faults) -> None:
        self._access, self._reading, self._writing, self._faults = access, reading, writing, faults
        self.calls: Counter[str] = Counter()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The answer to any request."""
        try:
            return await self._answer(request)
        except Refused as refused:
            headers = {"Retry-After": str(refused.retry_after)} if refused.retry_after else {}
            return _json(refused.status(), status=refused.code, headers=headers)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        user = self._access.user_of(request.headers.get("Authorization", ""))
        if (known := discovery.document(request.path)) is not None:
            return _json(known)
        call = call_of(request)
        self.calls[f"{call.verb} {call.resource}"] += 1
        cut = await self._go_wrong(call)
        name = call.name if call.verb != "list" else ""
        # a namespace is itself the namespace of requests for it: a Role in it may allow them
        namespace = call.name if call.kind is kinds.NAMESPACE else call.namespace
        self._access.require(Asked(user, call.verb, call.kind.group, call.resource, namespace, name))
        answered = await self._carry_out(call, request, user)
        if cut:
            _hang_up(request)
        return answered

    async def _go_wrong(self, call: Call) -> bool:
        fault = self._faults.take(call.verb, call.resource)
        if fault is None:
            return False
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        elif fault.kind == "error":
            raise Refused(fault.code, fault.message, retry_after=fault.retry_after)
        return fault.kind == "cut"

    async def _carry_out(self, call: Call, request: web.Request, user: str) -> web.StreamResponse:
        match (call.verb, call.subresource):
            case ("get", "log"):
                return web.Response(text=self._reading.log(call))
            case ("get", _):
                return _json(self._reading.get(call))
            case ("list", _):
                return _json(self._reading.list(call, request.query))
            case ("create", "token"):
                return _json(self._lend_token(call), status=201)
            case _:
                return await self._change(call, request, user)

    def _lend_token(self, call: Call) -> Object:
        self._reading.get(call)
        token = self._access.token_for(call.namespace, call.name)
        return {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "status": {"token": token}}

    async def _change(self, call: Call, request: web.Request, user: str) -> web.StreamResponse:
        code, changed, warnings = self._writing.change(call, request, await body_of(request), user)
        answer = _json(changed, status=code)
        for text in warnings:
            answer.headers.add("Warning", f'299 - "{text}"')
        return answer


def _json(found: Object, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """As a real server says it: clients compare the content type, which has no charset."""
    return web.Response(
        body=json.dumps(found).encode(), content_type="application/json", status=status, headers=headers
    )


def _hang_up(request: web.Request) -> None:
    """The request was carried out, and who sent it never hears of it."""
    if request.transport is not None:
        request.transport.abort()


def handler(api: Api) -> web.Application:
    """An application that answers every path."""
    app = web.Application(client_max_size=3 * 2**20)  # etcd's limit is half of that
    routed: Any = api.answer
    app.router.add_route("*", "/{path:.*}", routed)
    return app
