"""Commands whose effect can be seen at Stripe afterwards, so that none is sent again that has had it."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from s4_billing.commands import Deed, Intent
from s4_billing.insisting import insisted
from s4_store import Transaction
from s4_stripe.errors import CardDeclined, StripeRejected
from s4_stripe.facts import Invoice, Subscription

M = TypeVar("M", Invoice, Subscription)


def seen(
    send: Callable[[Mapping[str, Any], str], Awaitable[M]],
    look: Callable[[Mapping[str, Any]], Awaitable[M | None]],
    *,
    late: bool,
) -> Deed:
    """A command whose effect can be seen: what Stripe refuses because it is so already is done.

    ``late``: whether it is still to be sent when its key has become too old.
    """

    async def send_once(params: Mapping[str, Any], key: str) -> M:
        try:
            return await insisted(key, partial(send, params), partial(look, params))
        except CardDeclined:
            raise
        except StripeRejected:
            if (done := await look(params)) is not None:
                return done
            raise

    async def find(intent: Intent) -> M | None:
        done = await look(intent.params)
        if done is None and not late:
            raise StripeRejected("payment-service-rejected", reason="too-late")
        return done

    return Deed(send_once, find, _nothing)


async def _nothing(_tx: Transaction, _intent: Intent, _made: str) -> None:
    """Our rows follow Stripe by the look that comes after."""
