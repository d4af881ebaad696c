"""Lies about webhooks: what is delivered, how often, and under which signature."""

import dataclasses
import json

import aiohttp

from devcloud.stripe import test_webhooks
from devcloud.stripe.lying.lie import Lie, manners
from s4_devcloud.stripe.clock import wall_time
from s4_devcloud.stripe.endpoints import Endpoint
from s4_devcloud.stripe.letters import signature
from s4_devcloud.stripe.webhooks import Webhooks
from s4_devcloud.stripe.wire import Wire


class NeverAgain(Webhooks):
    async def _try(self, session: aiohttp.ClientSession, to: Endpoint, event: Wire, attempt: int) -> bool:
        await super()._try(session, to, event, attempt)
        return True


class NewNames(Webhooks):
    """Each try is an event of its own."""

    async def _try(self, session: aiohttp.ClientSession, to: Endpoint, event: Wire, attempt: int) -> bool:
        return await super()._try(session, to, {**event, "id": f"{event['id']}{attempt}"}, attempt)


class SignedByAnother(Webhooks):
    async def _try(self, session: aiohttp.ClientSession, to: Endpoint, event: Wire, attempt: int) -> bool:
        return await super()._try(session, dataclasses.replace(to, secret="whsec_of_nobody"), event, attempt)


class _SignedOtherwise(Webhooks):
    def moment(self) -> int:
        return wall_time()

    def changed(self, body: bytes) -> bytes:
        return body

    async def _try(self, session: aiohttp.ClientSession, to: Endpoint, event: Wire, attempt: int) -> bool:
        body = json.dumps(event).encode()
        headers = {"Stripe-Signature": signature(to.secret, body, self.moment()), "X-Attempt": str(attempt)}
        async with session.post(to.url, data=self.changed(body), headers=headers) as answer:
            return answer.ok


class SignedLongAgo(_SignedOtherwise):
    def moment(self) -> int:
        return wall_time() - 3600


class SignedByTheOwnClock(_SignedOtherwise):
    def moment(self) -> int:
        return self.store._clock.now()


class ChangedAfterSigning(_SignedOtherwise):
    def changed(self, body: bytes) -> bytes:
        return body + b"\n"


class OnlyBeginnings(Webhooks):
    def _wanting(self, event: Wire) -> list[Endpoint]:
        return super()._wanting(event) if event["type"].endswith(".created") else []


LIES = [
    Lie(
        "a failed delivery is not tried again",
        test_webhooks.test_a_delivery_that_fails_is_tried_again_until_it_is_taken,
        manners("webhooks", NeverAgain),
    ),
    Lie(
        "signatures are an hour old",
        test_webhooks.test_what_an_event_tells_can_be_read_when_it_arrives,
        manners("webhooks", SignedLongAgo),
    ),
    Lie(
        "signatures follow the wrong clock",
        test_webhooks.test_signatures_follow_the_machines_time_whatever_the_clock_says,
        manners("webhooks", SignedByTheOwnClock),
    ),
    Lie(
        "signatures are another endpoint's",
        test_webhooks.test_what_an_event_tells_can_be_read_when_it_arrives,
        manners("webhooks", SignedByAnother),
    ),
    Lie(
        "what is signed is not what is sent",
        test_webhooks.test_what_an_event_tells_can_be_read_when_it_arrives,
        manners("webhooks", ChangedAfterSigning),
    ),
    Lie(
        "only beginnings are told",
        test_webhooks.test_a_sale_tells_everything_that_stripe_tells_and_each_event_is_valid,
        manners("webhooks", OnlyBeginnings),
    ),
    Lie(
        "each try is another event",
        test_webhooks.test_a_delivery_that_fails_is_tried_again_until_it_is_taken,
        manners("webhooks", NewNames),
    ),
]
