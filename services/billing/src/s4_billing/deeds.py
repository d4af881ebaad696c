"""How the commands that a person gives are sent, and found again when their keys are too old to be sent safely.

A day later a person may have changed their mind: what was not done by then and costs money is not done any more.
Leaving is, because nobody may be charged who asked to leave.
"""

from collections.abc import Callable, Mapping
from typing import Any

from s4_billing import cards, changes
from s4_billing.commands import Deed
from s4_billing.seeing import seen
from s4_stripe.api import StripeApi
from s4_stripe.facts import Invoice, Subscription

SCHEDULE_END = "subscription.schedule_end"
KEEP = "subscription.keep"
PAY = "invoice.pay"
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
    """The bill is paid by the subscription's card."""

    async def look(params: Mapping[str, Any]) -> Invoice | None:
        return known if (known := await api.invoice(params["invoice"])).status == "paid" else None

    async def send(params: Mapping[str, Any], key: str) -> Invoice:
        return await api.pay_invoice(params["invoice"], key)

    return seen(send, look, late=False)


def all_of(api: StripeApi) -> Mapping[str, Deed]:
    """Those that are here, by their kinds."""
    ours = {SCHEDULE_END: schedule_end(api), KEEP: keep(api), PAY: pay(api)}
    return {**ours, changes.KIND: changes.deed(api), cards.KIND: cards.deed(api)}


def _update(api: StripeApi, is_done: Callable[[Subscription], bool], *, late: bool) -> Deed:
    """A change of a subscription."""

    async def look(params: Mapping[str, Any]) -> Subscription | None:
        return known if is_done(known := await api.subscription(params["subscription"])) else None

    async def send(params: Mapping[str, Any], key: str) -> Subscription:
        return await api.update_subscription(params["subscription"], params["change"], key)

    return seen(send, look, late=late)
