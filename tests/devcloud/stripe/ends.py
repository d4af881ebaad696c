"""The other ends of a stand-in in a test: the webhook endpoint, and whoever holds the control port."""

from dataclasses import dataclass, field
from typing import Any

import aiohttp
import stripe
from aiohttp import web

SECRET_KEY, PUBLISHABLE_KEY = "sk_test_of_these_tests", "pk_test_of_these_tests"
WEBHOOK_SECRET = "whsec_of_these_tests"


@dataclass
class Endpoint:
    """A webhook endpoint that notes what it gets and answers as told."""

    url: str
    answers: list[int] = field(default_factory=list)
    received: list[tuple[bytes, str]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.received.append((await request.read(), request.headers["Stripe-Signature"]))
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    def events(self, secret: str = WEBHOOK_SECRET) -> list[stripe.Event]:
        """What was received, each verified as the SDK does it."""
        return [stripe.Webhook.construct_event(body, signature, secret) for body, signature in self.received]

    def types(self) -> set[str]:
        return {event.type for event in self.events()}


@dataclass
class Control:
    """The control port."""

    url: str
    session: aiohttp.ClientSession

    async def get(self, path: str) -> dict[str, Any]:
        async with self.session.get(self.url + path) as answer:
            assert answer.status == 200, await answer.text()
            result: dict[str, Any] = await answer.json()
            return result

    async def post(self, path: str, **order: Any) -> dict[str, Any]:
        async with self.session.post(self.url + path, json=order) as answer:
            assert answer.status == 200, await answer.text()
            result: dict[str, Any] = await answer.json()
            return result
