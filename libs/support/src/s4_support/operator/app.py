"""The operators' routes, in one list."""

from aiohttp import web

from s4_runtime import correlation_middleware, error_middleware, operators
from s4_runtime.refusals import STATUSES
from s4_support.operator import asking
from s4_support.operator.events import Events
from s4_support.operator.queue_deeds import QueueDeeds
from s4_support.operator.queues import Queues
from s4_support.operator.tools import Tools
from s4_support.site import AUDIT

_MAX_BODY_BYTES = 64 * 1024  # a thousand ids


def application(tools: Tools) -> web.Application:
    """All routes, for operators alone."""
    named = operators.read(tools.settings.operator_tokens) or {}
    door = operators.operators_only(named, tools.settings.deployment)
    app = web.Application(
        middlewares=[correlation_middleware, error_middleware(STATUSES), door], client_max_size=_MAX_BODY_BYTES
    )
    queues, deeds, events = Queues(tools), QueueDeeds(tools), Events(tools)
    at = "/operator/queues/{service}"

    async def audit(request: web.Request) -> web.Response:
        return asking.json({"audit": await AUDIT.latest(tools.pool, asking.limit_of(request.query, 50))})

    app.add_routes(
        [
            web.get("/operator/audit", audit),
            web.get("/operator/queues", queues.all),
            web.get(f"{at}/parked", queues.parked),
            web.get(f"{at}/parked/{{id}}", queues.one),
            web.get(f"{at}/dropped", queues.dropped),
            web.post(f"{at}/replay", deeds.replay),
            web.post(f"{at}/drop", deeds.drop),
            web.post(f"{at}/restore", deeds.restore),
            web.get("/operator/events", events.tail),
            web.get("/operator/events/{id}", events.one),
            web.post("/operator/trace", events.trace),
        ]
    )
    return app
