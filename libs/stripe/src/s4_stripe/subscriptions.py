"""Subscriptions."""

from collections.abc import AsyncIterator

from s4_stripe.caller import Caller, Params, keyed, unchecked
from s4_stripe.errors import NotAtStripe
from s4_stripe.facts import Subscription

_WITH = {"status": "all", "expand": ["data.latest_invoice"]}


class Subscriptions(Caller):
    """What is paid again and again."""

    async def subscriptions_of(self, customer: str) -> list[Subscription]:
        """All subscriptions of a customer, ended ones too; none if there is no such customer."""
        listing = self._pages(Subscription, self._v1.subscriptions.list_async, {"customer": customer, **_WITH})
        try:
            return [found async for found in listing]
        except NotAtStripe:
            return []

    async def all_subscriptions(self) -> AsyncIterator[Subscription]:
        """Every subscription of the account at Stripe, newest first."""
        async for found in self._pages(Subscription, self._v1.subscriptions.list_async, _WITH):
            yield found

    async def subscription(self, subscription: str) -> Subscription:
        """The subscription as it is now. Raises NotAtStripe."""
        with_invoice = {"expand": ["latest_invoice"]}
        return await self._ask(
            Subscription, lambda: self._v1.subscriptions.retrieve_async(subscription, unchecked(with_invoice))
        )

    async def update_subscription(self, subscription: str, params: Params, key: str) -> Subscription:
        """The subscription is changed; the same key changes it once. Raises CardDeclined if it had to be paid."""
        asked = {**params, "expand": ["latest_invoice"]}
        return await self._ask(
            Subscription,
            lambda: self._v1.subscriptions.update_async(subscription, unchecked(asked), keyed(key)),
        )

    async def cancel_subscription(self, subscription: str, key: str) -> Subscription:
        """The subscription has ended, without a last bill. Raises NotAtStripe when it had ended before."""
        params = {"invoice_now": False, "prorate": False, "expand": ["latest_invoice"]}
        return await self._ask(
            Subscription,
            lambda: self._v1.subscriptions.cancel_async(subscription, unchecked(params), keyed(key)),
        )
