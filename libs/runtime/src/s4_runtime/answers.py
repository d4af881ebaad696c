"""Rate, errors and duration of what a listener answers. No label holds a path, an id or anything a caller chose."""

import time

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import Counter, Gauge, Histogram

IN_FLIGHT = Gauge("s4_http_in_flight", "Requests that are being answered, open streams included.", ["listener"])
REQUESTS = Counter(
    "s4_http_requests_total",
    "Requests by the route's template and the class of the answer's status.",
    ["listener", "method", "route", "status"],
)
SECONDS = Histogram(
    "s4_http_request_seconds",
    "From a request's arrival to the end of its answer; event streams are left out.",
    ["listener", "method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def route_of(request: web.Request) -> str:
    """The route's template, such as /grids/{grid_id}/furl: unlike the path it holds no id and no token."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "(no route)"


def measured(listener: str) -> Middleware:
    """Count what the listener answers. The outermost of its middlewares, so that it sees what the caller gets."""
    in_flight = IN_FLIGHT.labels(listener)

    @web.middleware
    async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
        began, status, is_stream = time.monotonic(), "gone", False
        method = request.method if request.method in METHODS else "other"
        in_flight.inc()
        try:
            response = await handler(request)
            status, is_stream = f"{response.status // 100}xx", response.content_type == "text/event-stream"
        except web.HTTPException as error:
            status = f"{error.status // 100}xx"
            raise
        except Exception:  # only counted; it goes on to the door that answers
            status = "5xx"
            raise
        finally:
            in_flight.dec()
            REQUESTS.labels(listener, method, route_of(request), status).inc()
            if not is_stream:
                SECONDS.labels(listener, method, route_of(request)).observe(time.monotonic() - began)
        return response

    return measure
