"""How the commands that a person gives are sent, and found again when their keys are too old to be sent safely.

A day later a person may have changed their mind: what was not done by then and costs money is not done any more.
Leaving is, because nobody may be charged who asked to leave.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from s4_billing.commands import Deed, Intent
from s4_store import Transaction
from s4_stripe.api import StripeApi
from s4_stripe.errors import CardDeclined, KeySpent, StripeRejected
from s4_stripe.facts import Invoice, Subscription

SCHEDULE_END = "subscription.schedule_end"
KEEP = "subscription.keep"
PAY = "invoice.pay"
CANCEL = "subscription.cancel"
M = TypeVar("M", Invoice, Subscription)
ENDED = frozenset({"canceled", "incomplete_expired"})


def is_scheduled(fact: Subscription) -> bool:
    """Whether the subscription is to end: Stripe has two fields for it, and the portal sets the other one."""
    return fact.cancel_at is not None or fact.cancel_at_period_end


def schedule_end(api: StripeApi) -> Deed:
    """The subscription ends when what is paid for is over."""
    return _update(api, lambda fact: fact.status in ENDED or is_scheduled(fact), late=True)


def keep(api: StripeApi) -> Deed:
    """The subscription goes on."""
    return _update(api, lambda fact: fact.status not in ENDED and not is_scheduled(fact), late=False)


def pay(api: StripeApi) -> Deed:
    """The bill is paid by the card that the customer chose last."""

    async def look(params: Mapping[str, Any]) -> Invoice | None:
        return known if (known := await api.invoice(params["invoice"])).status == "paid" else None

    async def send(params: Mapping[str, Any], key: str) -> Invoice:
        return await api.pay_invoice(params["invoice"], key, payment_method=params["payment_method"])

    return _seen(send, look, late=False)


def all_of(api: StripeApi) -> Mapping[str, Deed]:
    """Those that are here, by their kinds."""
    return {SCHEDULE_END: schedule_end(api), KEEP: keep(api), PAY: pay(api)}


def _update(api: StripeApi, is_done: Callable[[Subscription], bool], *, late: bool) -> Deed:
    """A change of a subscription."""

    async def look(params: Mapping[str, Any]) -> Subscription | None:
        return known if is_done(known := await api.subscription(params["subscription"])) else None

    async def send(params: Mapping[str, Any], key: str) -> Subscription:
        return await api.update_subscription(params["subscription"], params["change"], key)

    return _seen(send, look, late=late)


def _seen(
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
            return await send(params, key)
        except CardDeclined:
            raise
        except StripeRejected as refused:
            if (done := await look(params)) is not None:
                return done
            if not isinstance(refused, KeySpent):
                raise
            return await send(params, f"{key}:2")  # Stripe failed, and nothing has come of it

    async def find(intent: Intent) -> M | None:
        done = await look(intent.params)
        if done is None and not late:
            raise StripeRejected("payment-service-rejected", reason="too-late")
        return done

    return Deed(send_once, find, _nothing)


async def _nothing(_tx: Transaction, _intent: Intent, _made: str) -> None:
    """Our rows follow Stripe by the look that comes after."""
