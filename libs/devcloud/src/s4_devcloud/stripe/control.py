"""The control API: what a test or an operator tells this Stripe to do. JSON, on its own loopback port."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from s4_devcloud.stripe.faults import Fault
from s4_devcloud.stripe.money_control import MoneyControl
from s4_devcloud.stripe.problems import Problem
from s4_devcloud.stripe.resources.payment_methods import issuer_does
from s4_devcloud.stripe.wire import Wire
from s4_devcloud.stripe.world import World


class Control:
    """Handlers of the control port."""

    def __init__(self, world: World) -> None:
        self._world = world

    def application(self) -> web.Application:
        """The routes, each answering JSON; a bad order answers 400 with what is wrong."""
        app = web.Application(middlewares=[_explain])
        app.router.add_get("/state", self._answer(self.state))
        app.router.add_get("/journal", self._answer(lambda _: self._world.journal.json()))
        app.router.add_get("/cards", self._answer(lambda _: {"cards": self._world.issuers.known()}))
        orders = {
            "/faults": self.order_fault,
            "/webhooks": self.set_webhooks,
            "/webhooks/release": self.release,
            "/clock/advance": self.advance,
            "/cards": self.set_card,
            "/reset": self.reset,
            **MoneyControl(self._world).orders(),
        }
        for path, order in orders.items():
            app.router.add_post(path, self._answer(order))
        return app

    def state(self, _: Wire) -> Wire:
        """Counts, the clock, what was asked for and does not exist, and what is still to be delivered."""
        world = self._world
        world.catch_up()
        return {
            "now": world.clock.now(),
            "counts": world.store.counts(),
            "unimplemented": dict(world.journal.unimplemented),
            "unimplemented_total": world.journal.unimplemented.total(),
            "faults": [vars(fault) for fault in world.faults.pending],
            "webhooks": {
                "mode": world.webhooks.mode,
                "held": list(world.webhooks.held),
                "pending": world.webhooks.pending,
                "endpoints": [
                    {"name": to.name, "url": to.url, "thin": to.is_thin, "enabled_events": to.enabled_events}
                    for to in world.webhooks.endpoints()
                ],
            },
        }

    def order_fault(self, order: Wire) -> Wire:
        """Misbehave: {"match": "POST /v1/…", "kind": …, "times": 1, "seconds": 1}."""
        self._world.faults.order(Fault(**order))
        return self.state({})

    def set_webhooks(self, order: Wire) -> Wire:
        """Deliver differently: {"mode": …, "seconds": 1}; the seconds are those of the mode delay."""
        self._world.webhooks.behave(order["mode"], float(order.get("seconds", 1)))
        return self.state({})

    def release(self, order: Wire) -> Wire:
        """Deliver what is held: {"order": "fifo" | "lifo" | "random" | [event, …]}."""
        return {"released": self._world.webhooks.release(order.get("order", "fifo"))}

    def advance(self, order: Wire) -> Wire:
        """Move the clock ahead: {"seconds": 1860}."""
        self._world.clock.advance(int(order["seconds"]))
        return self.state({})

    def set_card(self, order: Wire) -> Wire:
        """Change a card: {"number": …, "behaviour": …}."""
        fingerprint = self._world.issuers.behave(order["number"], order["behaviour"])
        with self._world.transaction() as tx:
            issuer_does(tx, fingerprint, order["behaviour"])
        return {"cards": self._world.issuers.known()}

    def reset(self, _: Wire) -> Wire:
        """Forget everything."""
        self._world.reset()
        return self.state({})

    def _answer(self, act: Callable[[Wire], Wire]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(http: web.Request) -> web.Response:
            order: Any = await http.json() if http.can_read_body else {}
            if not isinstance(order, dict):
                raise TypeError("the body must be a JSON object")
            return web.json_response(act(order))

        return answer


@web.middleware
async def _explain(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """A 400 that says what was wrong with an order."""
    try:
        return await handler(request)
    except json.JSONDecodeError:
        return web.json_response({"error": "the body is not JSON"}, status=400)
    except KeyError as missing:
        return web.json_response({"error": f"{missing.args[0]} is missing"}, status=400)
    except (TypeError, ValueError, Problem) as wrong:
        return web.json_response({"error": str(wrong)}, status=400)
