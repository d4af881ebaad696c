"""What a process answers at its control socket."""

from collections.abc import Callable, Mapping
from importlib.metadata import version

from twisted.python.failure import Failure
from twisted.web.http import INTERNAL_SERVER_ERROR
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from s4_node.serve.condition import Condition
from s4_node.serve.pages import QuietSite, as_json
from s4_node.serve.tenants import Change, Tenants

Conditions = Callable[[str | None], Mapping[str, Condition]]  # of all grids, or of one


class Grids(Resource):
    """How each grid is."""

    def __init__(self, conditions: Conditions) -> None:
        super().__init__()
        self._conditions = conditions
        self._version = version("s4-node")  # what was installed when this process began

    def render_GET(self, request: Request) -> bytes:  # noqa: N802  Twisted's name
        """Each grid's condition, or that of the one that is asked for."""
        conditions = self._conditions(_only(request))
        return as_json(
            request, {"version": self._version, "grids": {grid: one.json() for grid, one in conditions.items()}}
        )


class Apply(Resource):
    """Serves what is in the directory."""

    def __init__(self, tenants: Tenants) -> None:
        super().__init__()
        self._tenants = tenants

    def render_POST(self, request: Request) -> int:  # noqa: N802  Twisted's name
        """Answered once each grid was tried, or the one is about to be; who asked may be gone by then."""
        only, gone = _only(request), list[object]()
        request.notifyFinish().addBoth(gone.append)

        def answer(changes: Mapping[str, Change]) -> bytes:
            conditions = self._tenants.conditions(only)
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

        applied = self._tenants.apply() if only is None else self._tenants.apply_one(only)
        applied.addCallback(answer).addErrback(failed).addCallback(send)
        return int(NOT_DONE_YET)


def control_site(conditions: Conditions, tenants: Tenants | None = None) -> Site:
    """The site of the control socket; without tenants nothing can be changed."""
    root = Resource()
    root.putChild(b"grids", Grids(conditions))
    if tenants is not None:
        root.putChild(b"apply", Apply(tenants))
    return QuietSite(root)


def _only(request: Request) -> str | None:
    """The grid that is asked for; None is all."""
    named: list[bytes] = request.args.get(b"grid", [])
    return named[0].decode("ascii", "replace") if named else None
