"""Customers with cards and clocks of their own, on either account."""

from dataclasses import dataclass
from typing import Any

import stripe

from devcloud.stripe.behaviour.account import Account
from support.waiting import until

HOUR, DAY = 3600, 24 * 3600
GOOD, FAILS_WHEN_CHARGED, DECLINED = "pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_chargeDeclined"
_A_CLOCKS_PATIENCE = 120  # seconds that Stripe may take to let weeks pass


@dataclass
class Life:
    """A customer who has a card and lives by a clock."""

    account: Account
    customer: stripe.Customer
    clock: stripe.test_helpers.TestClock

    @property
    def client(self) -> stripe.StripeClient:
        return self.account.client

    async def card(self, name: str) -> str:
        """Attach one of Stripe's test cards and make it the customer's default."""
        method = await self.client.v1.payment_methods.attach_async(name, {"customer": self.customer.id})
        await self.client.v1.customers.update_async(
            self.customer.id, {"invoice_settings": {"default_payment_method": method.id}}
        )
        return method.id

    async def subscribe(self, price: stripe.Price, **changes: Any) -> stripe.Subscription:
        """A subscription to one of the price."""
        params: Any = {"customer": self.customer.id, "items": [{"price": price.id}], **changes}
        return await self.client.v1.subscriptions.create_async(params)

    async def again(self, subscription: stripe.Subscription) -> stripe.Subscription:
        return await self.client.v1.subscriptions.retrieve_async(subscription.id)

    async def invoices(self, subscription: stripe.Subscription) -> list[stripe.Invoice]:
        """All its invoices, the newest first."""
        return (await self.client.v1.invoices.list_async({"subscription": subscription.id})).data

    async def charge_of(self, invoice: stripe.Invoice) -> stripe.Charge:
        """What paid the invoice."""
        payments = await self.client.v1.invoice_payments.list_async({"invoice": invoice.id})
        intent = await self.client.v1.payment_intents.retrieve_async(
            str(payments.data[0].payment.payment_intent), {"expand": ["latest_charge"]}
        )
        assert isinstance(intent.latest_charge, stripe.Charge)
        return intent.latest_charge

    async def go_to(self, moment: int) -> None:
        """Let the clock come to that time, and all that happens until then happen."""
        clocks = self.client.v1.test_helpers.test_clocks
        await clocks.advance_async(self.clock.id, {"frozen_time": moment})

        async def ready() -> bool:
            return (await clocks.retrieve_async(self.clock.id)).status == "ready"

        await until(ready, within=_A_CLOCKS_PATIENCE, what="the clock's arrival")


async def a_life(account: Account, card: str | None = GOOD) -> Life:
    """A new customer with that card."""
    clock = await account.clock()
    life = Life(account, await account.customer(test_clock=clock.id), clock)
    if card is not None:
        await life.card(card)
    return life


def period(subscription: stripe.Subscription) -> tuple[int, int]:
    """What the first item has been paid for."""
    item = subscription["items"].data[0]
    return item.current_period_start, item.current_period_end
