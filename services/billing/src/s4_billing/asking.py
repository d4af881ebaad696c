"""What every question of web has in common: a body of a known shape, and a person who does not wait for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar

import msgspec

from s4_billing.errors import WrongWish
from s4_stripe.errors import StripeUnavailable

S = TypeVar("S", bound=msgspec.Struct)

# Names one click of a person: asked again with the same, nothing is done twice.
RequestId = Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z_-]{1,64}$")]


def read(body: bytes, shape: type[S]) -> S:
    """The body. Raises WrongWish."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise WrongWish("malformed") from None


@asynccontextmanager
async def patience(seconds: float) -> AsyncIterator[None]:
    """Give up when the person would. What was begun at Stripe is a stored command, and is settled later."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise StripeUnavailable("payment-service-unavailable", reason="slow") from None
