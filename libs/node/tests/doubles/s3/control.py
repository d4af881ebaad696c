"""The second port: tests order faults and delays there, and read what was asked of the double."""

from dataclasses import asdict, fields
from datetime import timedelta

from aiohttp import web

from doubles.s3.faults import Fault
from doubles.s3.manners import Manners
from doubles.s3.server import Double
from doubles.s3.signatures import Credential


class Control:
    """JSON over HTTP; each handler is one line of `routes`."""

    def __init__(self, double: Double) -> None:
        self._double = double

    def application(self) -> web.Application:
        application = web.Application()
        application.add_routes(
            [
                web.post("/reset", self.reset),
                web.post("/release", self.release),
                web.post("/faults", self.order),
                web.get("/faults", self.faults),
                web.delete("/faults", self.clear),
                web.post("/manners", self.behave),
                web.post("/credentials", self.know),
                web.get("/counters", self.counters),
                web.delete("/counters", self.forget),
                web.get("/log", self.log),
                web.get("/objects/{bucket}", self.objects),
            ]
        )
        return application

    async def reset(self, _request: web.Request) -> web.Response:
        self._double.reset()
        return web.json_response({})

    async def release(self, _request: web.Request) -> web.Response:
        self._double.release()
        return web.json_response({})

    async def order(self, request: web.Request) -> web.Response:
        self._double.faults.ordered.append(Fault(**await request.json()))
        return web.json_response({})

    async def faults(self, _request: web.Request) -> web.Response:
        return web.json_response([asdict(fault) for fault in self._double.faults.ordered])

    async def clear(self, _request: web.Request) -> web.Response:
        self._double.clear_faults()
        return web.json_response({})

    async def behave(self, request: web.Request) -> web.Response:
        """Some of the manners, and the clock and the region."""
        wanted = await request.json()
        if "clock_offset_seconds" in wanted:
            self._double.signatures.clock_offset = timedelta(seconds=wanted.pop("clock_offset_seconds"))
        known = {field.name for field in fields(Manners)}
        for name, value in wanted.items():
            if name not in known:
                raise web.HTTPBadRequest
            setattr(self._double.manners, name, value)
        return web.json_response({})

    async def know(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        access_key = wanted.pop("access_key")
        self._double.signatures.credentials[access_key] = Credential(**wanted)
        return web.json_response({})

    async def counters(self, _request: web.Request) -> web.Response:
        return web.json_response(self._double.ledger.told())

    async def forget(self, _request: web.Request) -> web.Response:
        self._double.ledger.clear()
        return web.json_response({})

    async def log(self, request: web.Request) -> web.Response:
        wanted = request.query.get("operation", "")
        lines = [asdict(line) for line in self._double.ledger.lines if wanted in ("", line.operation)]
        return web.json_response(lines)

    async def objects(self, request: web.Request) -> web.Response:
        bucket = self._double.shelves.buckets.get(request.match_info["bucket"])
        if bucket is None:
            raise web.HTTPNotFound
        return web.json_response({entry.key: entry.size for entry in bucket.after("", "")})
