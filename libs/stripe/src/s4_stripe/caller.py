"""Calls to Stripe, one pace for all, with our errors. The SDK's own do not leave this module.

The SDK's text, which may hold ids and addresses, is dropped: an error of ours carries Stripe's code and request id.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Any, TypeVar

import aiohttp
import msgspec
import stripe

from s4_runtime import Backoff, Clock, Secret, Temporary, Trouble, span
from s4_stripe.errors import CardDeclined, KeySpent, NotAtStripe, StripeBusy, StripeRejected, StripeUnavailable
from s4_stripe.throttle import Throttle

IN_FLIGHT = 10
TRIES = 4
AGAIN = Backoff(base=timedelta(milliseconds=200), cap=timedelta(seconds=2), jitter=0.5)
PAGE = 100  # the most that a list gives at once (docs.stripe.com/api/pagination)

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


class Caller:
    """What every group of calls is made with."""

    def __init__(self, client: stripe.StripeClient, clock: Clock, random: Random, per_second: float) -> None:
        self._v1 = client.v1
        self._clock = clock
        self._random = random
        self.calls = 0  # how many were made, repetitions included
        self._throttle = Throttle(clock, per_second=per_second, in_flight=IN_FLIGHT)

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
                    self.calls += 1
                    with span("call stripe", "client", attempt=attempt):
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


class _Page(msgspec.Struct, frozen=True):
    data: list[dict[str, Any]]
    has_more: bool


def unchecked(params: Params) -> Any:
    """Parameters whose names were checked when they were built; they may come from a stored command."""
    return dict(params)


def keyed(key: str) -> Any:
    """Options with which Stripe does a write once."""
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
        case stripe.CardError():
            why = "authenticate" if error.code == "authentication_required" else _decline_code(error)
            trouble = CardDeclined("card-declined", reason=why, request=request)
        case stripe.InvalidRequestError():
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


def _decline_code(error: stripe.CardError) -> str:
    """Stripe's decline code, or its error code where there is none (docs.stripe.com/declines/codes)."""
    told = error.json_body.get("error", {}) if isinstance(error.json_body, dict) else {}
    return str(told.get("decline_code") or error.code or "none")


def _headers(error: stripe.StripeError) -> Mapping[str, str]:
    return {name.lower(): value for name, value in (error.headers or {}).items()}


def _retry_after(error: stripe.StripeError) -> timedelta | None:
    shown = str(_headers(error).get("retry-after", ""))
    return timedelta(seconds=min(int(shown), 10)) if shown.isdigit() else None
