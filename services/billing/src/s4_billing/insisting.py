"""Commands that nobody gives a second time: that Stripe failed once, and says so for ever, is not the end of them."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from s4_stripe.errors import KeySpent, StripeUnavailable

M = TypeVar("M")

# How often Stripe may fail before the rest is left to the next day, when it has forgotten the keys.
_KEYS = 4


async def insisted(key: str, send: Callable[[str], Awaitable[M]], look: Callable[[], Awaitable[M | None]]) -> M:
    """What was made, now or by a try that Stripe called a failure; with a new key only if nothing was made.

    The same key leads to the same further ones. Raises what ``send`` raises; StripeUnavailable when all are spent.
    """
    for name in (key, *(f"{key}:{turn}" for turn in range(2, _KEYS + 1))):
        try:
            return await send(name)
        except KeySpent:
            if (made := await look()) is not None:
                return made
    raise StripeUnavailable("payment-service-unavailable", reason="keys-spent")
