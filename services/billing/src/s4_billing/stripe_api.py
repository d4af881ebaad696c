"""Stripe, as this service uses it. The only module that imports the SDK; its errors do not leave it.

The SDK's text, which may hold ids and addresses, is dropped: an error of ours carries Stripe's code and request id.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Any, TypeVar, cast

import aiohttp
import msgspec
import stripe

from s4_billing.deliveries import occurrence
from s4_billing.errors import KeySpent, NotAtStripe, StripeBusy, StripeRejected, StripeUnavailable
from s4_billing.facts import Customer, Occurrence, Price, Session, Subscription
from s4_billing.settings import Settings
from s4_billing.throttle import Throttle
from s4_runtime import Backoff, Clock, Secret, Temporary, Trouble

API_VERSION = "2026-10-28.endive"  # what facts.py is written for; a test holds it equal to the SDK's own
PER_SECOND = 20  # a sandbox allows 25/s (docs.stripe.com/rate-limits), a live account 100/s
IN_FLIGHT = 10
TRIES = 4
AGAIN = Backoff(base=timedelta(milliseconds=200), cap=timedelta(seconds=2), jitter=0.5)
PAGE = 100

T = TypeVar("T")
Params = Mapping[str, object]


class Transport(stripe.AIOHTTPClient):
    """The SDK's client, but a body that is slow or cut gives its connection back and counts as a network error."""

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Status, headers and the whole body. Raises the SDK's own error for any trouble of the network."""
        args, kwargs = self._get_request_args_kwargs(method, url, headers, post_data)
        try:
            async with self._session.request(*args, **kwargs) as response:
                return await response.read(), response.status, response.headers
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._handle_request_error(error)


class StripeApi:
    """One account at Stripe."""

    def __init__(self, client: stripe.StripeClient, clock: Clock, random: Random) -> None:
        self._v1 = client.v1
        self._clock = clock
        self._random = random
        self._throttle = Throttle(clock, per_second=PER_SECOND, in_flight=IN_FLIGHT)

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings, clock: Clock, random: Random) -> AsyncIterator["StripeApi"]:
        """Have a connection pool to Stripe, or to what the settings put in its place."""
        stripe.enable_telemetry = False
        timeout = aiohttp.ClientTimeout(total=settings.stripe_timeout.total_seconds(), connect=5)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            client = stripe.StripeClient(
                settings.stripe_secret_key.reveal(),
                stripe_version=API_VERSION,
                base_addresses={"api": settings.stripe_api_url} if settings.stripe_api_url else None,
                http_client=Transport(timeout=cast("Any", timeout), session=session),
                max_network_retries=0,
            )
            yield cls(client, clock, random)

    async def create_customer(self, params: Params, key: str) -> Customer:
        """A customer; the same key gives the same one."""
        return await self._ask(Customer, lambda: self._v1.customers.create_async(_p(params), _keyed(key)))

    async def change_email(self, customer: str, email: str) -> None:
        """Bills and receipts go to this address."""
        await self._ask(Customer, lambda: self._v1.customers.update_async(customer, {"email": email}))

    async def customer(self, customer: str) -> Customer:
        """The customer, or what is left of a deleted one. Raises NotAtStripe."""
        return await self._ask(Customer, lambda: self._v1.customers.retrieve_async(customer))

    async def customers_with(self, email: str) -> AsyncIterator[Customer]:
        """All customers with the address (a listing, so it is up to date; a search is not)."""
        async for found in self._pages(Customer, self._v1.customers.list_async, {"email": email}):
            yield found

    async def create_session(self, params: Params, key: str) -> Session:
        """A checkout session; the same key gives the same one, as it was when it was made."""
        return await self._ask(Session, lambda: self._v1.checkout.sessions.create_async(_p(params), _keyed(key)))

    async def session(self, session: str) -> Session:
        """The session as it is now. Raises NotAtStripe."""
        return await self._ask(Session, lambda: self._v1.checkout.sessions.retrieve_async(session))

    async def expire_session(self, session: str) -> Session:
        """Nobody can pay by this session any more. Raises StripeRejected when it is not open."""
        return await self._ask(Session, lambda: self._v1.checkout.sessions.expire_async(session))

    async def sessions_of(self, customer: str) -> AsyncIterator[Session]:
        """All sessions of a customer, newest first."""
        async for found in self._pages(Session, self._v1.checkout.sessions.list_async, {"customer": customer}):
            yield found

    async def subscriptions_of(self, customer: str) -> list[Subscription]:
        """All subscriptions of a customer, ended ones too; none if there is no such customer."""
        params = {"customer": customer, "status": "all", "expand": ["data.latest_invoice"]}
        try:
            return [found async for found in self._pages(Subscription, self._v1.subscriptions.list_async, params)]
        except NotAtStripe:
            return []

    async def customer_of(self, kind: str, object_id: str) -> str | None:
        """Whose object it is. None if it has no owner, is gone, or is of a kind that we do not look at."""
        retrieve: Mapping[str, Callable[[str], Awaitable[Any]]] = {
            "checkout.session": self._v1.checkout.sessions.retrieve_async,
            "subscription": self._v1.subscriptions.retrieve_async,
            "invoice": self._v1.invoices.retrieve_async,
            "payment_method": self._v1.payment_methods.retrieve_async,
            "charge": self._v1.charges.retrieve_async,
        }
        if kind == "customer":
            return object_id
        if kind not in retrieve:
            return None
        try:
            owned = await self._ask(_Owned, partial(retrieve[kind], object_id))
        except NotAtStripe:
            return None
        return owned.customer

    async def prices(self, lookup_keys: list[str]) -> list[Price]:
        """The active prices that carry one of the keys."""
        params = {"lookup_keys": lookup_keys, "active": True}
        return [found async for found in self._pages(Price, self._v1.prices.list_async, params)]

    async def create_product(self, params: Params, key: str) -> None:
        """A product with an id of our choice. Raises StripeRejected when there is one."""
        await self._ask(dict[str, Any], lambda: self._v1.products.create_async(_p(params), _keyed(key)))

    async def create_price(self, params: Params, key: str) -> Price:
        """A price; the same key gives the same one."""
        return await self._ask(Price, lambda: self._v1.prices.create_async(_p(params), _keyed(key)))

    async def events_since(self, moment: datetime) -> AsyncIterator[Occurrence]:
        """What has happened since, newest first. Stripe keeps 30 days."""
        params = {"created": {"gte": int(moment.timestamp())}}
        async for found in self._pages(dict[str, Any], self._v1.events.list_async, params):
            if (known := occurrence(found)) is not None:
                yield known

    async def _pages(self, kind: type[T], listing: Callable[[Any], Awaitable[Any]], params: Params) -> AsyncIterator[T]:
        wanted: dict[str, object] = {**params, "limit": PAGE}
        while True:
            asked = dict(wanted)
            page = await self._ask(_Page, partial(listing, asked))
            for raw in page.data:
                yield _decode(raw, kind)
            if not page.has_more or not page.data:
                return
            wanted["starting_after"] = page.data[-1]["id"]

    async def _ask(self, kind: type[T], call: Callable[[], Awaitable[Any]]) -> T:
        for attempt in count(1):
            try:
                async with self._throttle.turn():
                    return _decode(_plain(await call()), kind)
            except stripe.StripeError as error:
                trouble = _translate(error)
            except Temporary as malformed:
                trouble = malformed
            if not isinstance(trouble, Temporary) or attempt == TRIES or trouble.ids.get("reason") == "credentials":
                raise trouble
            wait = max(trouble.retry_after or timedelta(), AGAIN.delay(attempt, self._random))
            await self._clock.sleep(wait.total_seconds())
        raise AssertionError


class _Owned(msgspec.Struct, frozen=True):
    customer: str | None = None


class _Page(msgspec.Struct, frozen=True):
    data: list[dict[str, Any]]
    has_more: bool


def _p(params: Params) -> Any:
    """Parameters whose names were checked when they were built; they may come from a stored command."""
    return dict(params)


def _keyed(key: str) -> Any:
    return {"idempotency_key": key}


def _plain(answer: object) -> object:
    return answer.to_dict() if isinstance(answer, stripe.StripeObject) else answer


def _decode(answer: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(answer, kind, dec_hook=_secret)
    except msgspec.ValidationError:
        raise _silence("malformed") from None


def _secret(kind: type, value: object) -> object:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError


def _silence(reason: str) -> StripeUnavailable:
    return StripeUnavailable("payment-service-unavailable", reason=reason)


def _translate(error: stripe.StripeError) -> Trouble:
    """What the SDK's error means for us (docs.stripe.com/error-handling)."""
    status, request = error.http_status or 0, error.request_id or "none"
    trouble: Trouble
    match error:
        case stripe.APIConnectionError():
            trouble = _silence("unreachable")
        case stripe.RateLimitError():
            trouble = StripeBusy("payment-service-busy", reason="rate-limit", retry_after=_retry_after(error))
        case stripe.AuthenticationError() | stripe.PermissionError():
            trouble = StripeUnavailable("payment-service-unavailable", reason="credentials", request=request)
        case stripe.IdempotencyError():
            trouble = StripeRejected("payment-service-rejected", reason="key-reused", request=request)
        case stripe.InvalidRequestError() if error.code == "resource_missing":
            trouble = NotAtStripe("payment-service-rejected", reason="resource_missing", request=request)
        case stripe.InvalidRequestError() | stripe.CardError():
            trouble = StripeRejected(
                "payment-service-rejected", reason=error.code or "none", param=str(error.param), request=request
            )
        case _ if status >= 500 and "idempotent-replayed" in _headers(error):
            trouble = KeySpent("payment-service-rejected", reason="key-spent", request=request)
        case _ if status == 409:
            trouble = StripeBusy("payment-service-busy", reason="in-flight", request=request)
        case _:
            trouble = StripeUnavailable("payment-service-unavailable", reason=f"status-{status}", request=request)
    return trouble


def _headers(error: stripe.StripeError) -> Mapping[str, str]:
    return {name.lower(): value for name, value in (error.headers or {}).items()}


def _retry_after(error: stripe.StripeError) -> timedelta | None:
    shown = str(_headers(error).get("retry-after", ""))
    return timedelta(seconds=min(int(shown), 10)) if shown.isdigit() else None
