"""What a shard answers at its control socket."""

from collections.abc import Mapping

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.http import INTERNAL_SERVER_ERROR
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from s4_node.serve.pages import QuietSite, as_json
from s4_node.serve.tenants import Change, Tenants


class Grids(Resource):
    """How each grid is."""

    def __init__(self, tenants: Tenants) -> None:
        super().__init__()
        self._tenants = tenants

    def render_GET(self, request: Request) -> bytes:  # noqa: N802  Twisted's name
        """Each grid's condition."""
        conditions = self._tenants.conditions()
        return as_json(request, {"grids": {grid: condition.json() for grid, condition in conditions.items()}})


class Apply(Resource):
    """Serves what is in the directory."""

    def __init__(self, tenants: Tenants) -> None:
        super().__init__()
        self._tenants = tenants

    def render_POST(self, request: Request) -> int:  # noqa: N802  Twisted's name
        """Answered once each grid was tried; who asked may be gone by then."""
        gone: list[object] = []
        request.notifyFinish().addBoth(gone.append)

        def answer(changes: Mapping[str, Change]) -> bytes:
            conditions = self._tenants.conditions()
            grids = {
                grid: {**(conditions[grid].json() if grid in conditions else {"state": change}), "change": change}
                for grid, change in sorted(changes.items())
            }
            return as_json(request, {"grids": grids})

        def failed(failure: Failure) -> bytes:
            request.setResponseCode(INTERNAL_SERVER_ERROR)
            return as_json(request, {"error": failure.type.__name__})

        def send(body: bytes) -> None:
            if not gone:
                request.write(body)
                request.finish()

        applied: Deferred[dict[str, Change]] = self._tenants.apply()
        applied.addCallback(answer).addErrback(failed).addCallback(send)
        return int(NOT_DONE_YET)


def control_site(tenants: Tenants) -> Site:
    """The site of the control socket."""
    root = Resource()
    root.putChild(b"grids", Grids(tenants))
    root.putChild(b"apply", Apply(tenants))
    return QuietSite(root)
