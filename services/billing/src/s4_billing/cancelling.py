"""The end of a subscription at once."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from s4_billing.commands import Deed, Intent
from s4_billing.derive import END_REASON, EndReason
from s4_billing.insisting import insisted
from s4_billing.store import SubscriptionRow
from s4_store import Transaction
from s4_stripe.api import StripeApi
from s4_stripe.errors import KeySpent, NotAtStripe, StripeRejected
from s4_stripe.facts import Subscription

KIND = "subscription.cancel"
_OVER = frozenset({"canceled", "incomplete_expired"})


def intent(account_id: str, row: SubscriptionRow, reason: EndReason, request: str) -> Intent:
    """The subscription ends now; the same ``request`` ends it once."""
    params = {"subscription": row.stripe_subscription_id, "reason": reason}
    return Intent(f"cancel:{row.id}:{request}", KIND, account_id, params)


def deed(api: StripeApi) -> Deed:
    """How subscriptions are ended. The reason is written to Stripe first, where nobody can lose it."""

    async def look(params: Mapping[str, Any]) -> Subscription | None:
        with suppress(NotAtStripe):
            found = await api.subscription(params["subscription"])
            return found if found.status in _OVER else None
        return None

    async def once(params: Mapping[str, Any], key: str) -> Subscription:
        name = params["subscription"]
        try:
            await api.update_subscription(name, {"metadata": {END_REASON: params["reason"]}}, f"{key}:why")
            return await api.cancel_subscription(name, key)
        except KeySpent:
            raise
        except StripeRejected:
            if (found := await look(params)) is None:
                raise
            return found  # somebody was faster

    async def send(params: Mapping[str, Any], key: str) -> Subscription:
        return await insisted(key, partial(once, params), partial(look, params))

    async def find(intent: Intent) -> Subscription | None:
        return await look(intent.params)

    async def record(_tx: Transaction, _intent: Intent, _made: str) -> None:
        """The next look shows it."""

    return Deed(send, find, record)
