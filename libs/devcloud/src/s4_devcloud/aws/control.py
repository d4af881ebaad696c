"""The control API: what the local cloud is doing, and what it shall do wrong."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from s4_devcloud.aws.faults import FaultRefused
from s4_devcloud.aws.fleet import Fleet
from s4_devcloud.aws.incidents import happen
from s4_devcloud.aws.permissions import WHO, Enforcement
from s4_devcloud.aws.quotas import Quotas, UnknownQuota
from s4_devcloud.aws.route53 import records_of
from s4_devcloud.aws.traffic import Latency, Rate, Traffic


@dataclass(frozen=True)
class Cloud:
    """What can be controlled, and the facts of the ready line."""

    fleet: Fleet
    traffic: Traffic
    enforcement: Enforcement
    quotas: Quotas
    about: dict[str, Any]


def application(cloud: Cloud) -> web.Application:
    """Every route; what they do is below."""
    app = web.Application(middlewares=[_refusals])
    controls = Controls(cloud)
    app.add_routes(
        [
            web.get("/state", controls.state),
            web.get("/faults", controls.faults),
            web.post("/faults", controls.add_fault),
            web.delete("/faults", controls.clear_faults),
            web.get("/calls", controls.calls),
            web.delete("/calls", controls.forget_calls),
            web.get("/traffic", controls.traffic),
            web.put("/traffic/rates", controls.set_rate),
            web.put("/traffic/latency", controls.set_latency),
            web.delete("/traffic", controls.clear_traffic),
            web.put("/enforcement", controls.enforce),
            web.get("/quotas", controls.quotas),
            web.get("/records", records),
            web.put("/quotas", controls.set_quota),
        ]
    )
    return app


class Controls:
    """The handlers."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud, self._faults = cloud, cloud.fleet.faults

    async def state(self, _: web.Request) -> web.Response:
        """Everything at once."""
        cloud = self._cloud
        instances = await asyncio.to_thread(cloud.fleet.listed)
        said = {"instances": instances, "faults": self._faults.listed(), "enforcement": cloud.enforcement.who}
        return web.json_response({**cloud.about, **said, **cloud.traffic.settings()})

    async def faults(self, _: web.Request) -> web.Response:
        """What will go wrong."""
        return web.json_response({"faults": self._faults.listed()})

    async def add_fault(self, request: web.Request) -> web.Response:
        """Something goes wrong later, or now."""
        described = await _described(request)
        if (happened := await asyncio.to_thread(happen, self._cloud.fleet, described)) is not None:
            return web.json_response(happened)
        return web.json_response({"id": self._faults.add(described).id}, status=201)

    async def clear_faults(self, _: web.Request) -> web.Response:
        """Nothing goes wrong any more."""
        self._faults.clear()
        return await self.faults(_)

    async def calls(self, _: web.Request) -> web.Response:
        """How often each action was called."""
        return web.json_response(self._cloud.traffic.calls())

    async def forget_calls(self, _: web.Request) -> web.Response:
        """Counting begins anew; what was counted is answered for the last time."""
        counted = self._cloud.traffic.calls()
        self._cloud.traffic.forget()
        return web.json_response(counted)

    async def traffic(self, _: web.Request) -> web.Response:
        """Rates and latencies."""
        return web.json_response(self._cloud.traffic.settings())

    async def set_rate(self, request: web.Request) -> web.Response:
        """Fitting calls beyond the rate are throttled; `per_second` null ends that."""
        described = await _described(request)
        action, per_second = _text(described, "action"), _number(described, "per_second")
        rate = (
            None
            if per_second is None
            else Rate(action, per_second, _number(described, "burst") or max(per_second, 1.0))
        )
        self._cloud.traffic.set_rate(rate, action)
        return await self.traffic(request)

    async def set_latency(self, request: web.Request) -> web.Response:
        """Fitting calls take longer; `seconds` null ends that."""
        described = await _described(request)
        action, seconds = _text(described, "action"), _number(described, "seconds")
        latency = None if seconds is None else Latency(action, seconds, _number(described, "jitter") or 0.0)
        self._cloud.traffic.set_latency(latency, action)
        return await self.traffic(request)

    async def clear_traffic(self, request: web.Request) -> web.Response:
        """No rate and no latency."""
        self._cloud.traffic.clear()
        return await self.traffic(request)

    async def enforce(self, request: web.Request) -> web.Response:
        """Whose policies are enforced."""
        who = (await _described(request)).get("who")
        if who not in WHO:
            raise FaultRefused(f"who is one of {', '.join(WHO)}")
        self._cloud.enforcement.who = who
        return web.json_response({"who": who})

    async def quotas(self, _: web.Request) -> web.Response:
        """How much there may be."""
        return web.json_response({"quotas": self._cloud.quotas.listed()})

    async def set_quota(self, request: web.Request) -> web.Response:
        """There may be that much from now on; `value` null makes it what it was at first."""
        described = await _described(request)
        which = _text(described, "service"), _text(described, "code")
        try:
            self._cloud.quotas.set(which, _number(described, "value"))
        except UnknownQuota:
            raise FaultRefused(f"no quota {which[1]} of {which[0]} is kept here") from None
        return await self.quotas(request)


async def records(request: web.Request) -> web.Response:
    """What Route 53 has for a name, for the dns part; it counts as no call."""
    is_ours, found = records_of(request.query.get("name", "").strip(".").lower())
    return web.json_response({"is_ours": is_ours, "records": found})


async def _described(request: web.Request) -> dict[str, Any]:
    described = await request.json()
    if not isinstance(described, dict):
        raise FaultRefused("a JSON object is needed")
    return described


def _text(described: dict[str, Any], name: str) -> str:
    if not isinstance(found := described.get(name), str) or not found:
        raise FaultRefused(f"{name} is needed")
    return found


def _number(described: dict[str, Any], name: str) -> float | None:
    found = described.get(name)
    if found is not None and (isinstance(found, bool) or not isinstance(found, int | float) or found < 0):
        raise FaultRefused(f"{name} is a number, 0 or more")
    return found


@web.middleware
async def _refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except FaultRefused as refused:
        return web.json_response({"error": str(refused)}, status=422)
    except json.JSONDecodeError:
        return web.json_response({"error": "not JSON"}, status=400)
