"""What a serving process answers to who looks after it: /healthz, /readyz (JSON) and /metrics (Prometheus)."""

import json
from collections.abc import Callable, Mapping

from twisted.web.http import NOT_FOUND, SERVICE_UNAVAILABLE
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from s4_node.metrics import Metrics
from s4_node.serve.condition import Condition

Conditions = Callable[[], Mapping[str, Condition]]
PROMETHEUS = b"text/plain; version=0.0.4; charset=utf-8"


class QuietSite(Site):
    """A site without an access log."""

    noisy = False

    def __init__(self, root: Resource) -> None:
        super().__init__(root, timeout=60)
        self.displayTracebacks = False

    def log(self, _request: Request) -> None:
        """Say nothing."""


class Health(Resource):
    """Answers, as long as the reactor does."""

    def render_GET(self, request: Request) -> bytes:  # noqa: N802  Twisted's name
        """One word."""
        request.setHeader(b"content-type", b"text/plain")
        return b"ok\n"


class Readiness(Resource):
    """200 when customers are served: those of the grid that ?grid= names, or those of any grid here; else 503.

    A process without grids has nobody to keep waiting.
    """

    def __init__(self, conditions: Conditions) -> None:
        super().__init__()
        self._conditions = conditions

    def render_GET(self, request: Request) -> bytes:  # noqa: N802  Twisted's name
        """Each grid as it is."""
        conditions = self._conditions()
        asked = request.args.get(b"grid")
        if asked:
            name = asked[0].decode("utf-8", "replace")
            conditions = {name: conditions[name]} if name in conditions else {}
        coming = any(condition.state in {"waiting", "starting"} for condition in conditions.values())
        if asked and not conditions:
            request.setResponseCode(NOT_FOUND)
        elif coming or (conditions and not any(condition.is_ready for condition in conditions.values())):
            request.setResponseCode(SERVICE_UNAVAILABLE)
        return as_json(request, {"grids": {grid: condition.json() for grid, condition in conditions.items()}})


class Numbers(Resource):
    """For Prometheus."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._metrics = metrics

    def render_GET(self, request: Request) -> bytes:  # noqa: N802  Twisted's name
        """All of them."""
        request.setHeader(b"content-type", PROMETHEUS)
        return self._metrics.text()


def pages(conditions: Conditions, metrics: Metrics) -> Site:
    """The site with the three pages."""
    root = Resource()
    root.putChild(b"healthz", Health())
    root.putChild(b"readyz", Readiness(conditions))
    root.putChild(b"metrics", Numbers(metrics))
    return QuietSite(root)


def as_json(request: Request, answer: object) -> bytes:
    """The answer's bytes, announced as what they are."""
    request.setHeader(b"content-type", b"application/json")
    return json.dumps(answer).encode() + b"\n"
