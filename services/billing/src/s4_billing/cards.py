"""Who chooses another card in the portal is charged by that one.

Checkout gives each subscription a card of its own, which wins over the customer's; the portal's page for a new card
changes the customer's only (docs.stripe.com/api/subscriptions, default_payment_method; it cannot be unset). So what the
customer chooses is given to the subscription too, once: a card that is given to the subscription itself later stays.
The subscription's metadata says which choice was followed last, and how many were.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from s4_billing.accounts import BOUGHT
from s4_billing.commands import Deed, Intent
from s4_billing.look import Look
from s4_billing.seeing import seen
from s4_billing.store import SubscriptionRow
from s4_stripe.api import StripeApi
from s4_stripe.facts import Subscription

KIND = "card.follow"
FOLLOWED = "s4_card"


def intents(account_id: str, rows: Iterable[SubscriptionRow], look: Look) -> Iterator[Intent]:
    """One for each served subscription of the account for which the customer's choice of a card is news."""
    served = {row.stripe_subscription_id for row in rows if row.state in BOUGHT and not row.duplicate}
    for fact in look.subscriptions:
        said = _said(fact)
        if fact.id in served and look.card not in {None, said.partition(":")[2]}:
            params = {"subscription": fact.id, "card": look.card, "said": said}
            yield Intent(f"card:{fact.id}:{said}:{look.card}", KIND, account_id, params)


def deed(api: StripeApi) -> Deed:
    """How a choice is followed; the card of a checkout that came after it stays."""

    async def look(params: Mapping[str, Any]) -> Subscription | None:
        known = await api.subscription(params["subscription"])
        return known if _said(known) != params["said"] else None

    async def send(params: Mapping[str, Any], key: str) -> Subscription:
        known = await api.subscription(params["subscription"])
        if _said(known) != params["said"]:
            return known
        count, _, followed = params["said"].partition(":")
        change: dict[str, Any] = {"metadata": {FOLLOWED: f"{_number(count) + 1}:{params['card']}"}}
        own = known.default_payment_method
        if followed or own is None or await _is_newer(api, params["card"], own):
            change["default_payment_method"] = params["card"]
        return await api.update_subscription(params["subscription"], change, key)

    return seen(send, look, late=True)


def _said(fact: Subscription) -> str:
    """How many choices were followed, and the last."""
    return fact.metadata.get(FOLLOWED, "0:")


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


async def _is_newer(api: StripeApi, card: str, own: str) -> bool:
    return (await api.card(card)).created >= (await api.card(own)).created
