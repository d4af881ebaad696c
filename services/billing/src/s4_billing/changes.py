"""How a change of plan is sent: what the bank refuses has not happened."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from s4_billing.commands import Deed
from s4_billing.seeing import seen
from s4_stripe.api import StripeApi
from s4_stripe.errors import CardDeclined, StripeRejected
from s4_stripe.facts import Invoice, Subscription

KIND = "subscription.change_plan"


def deed(api: StripeApi) -> Deed:
    """The subscription has the price; a larger one only once it is paid for."""

    async def look(params: Mapping[str, Any]) -> Subscription | None:
        known = await api.subscription(params["subscription"])
        return known if known.items.data[0].price.id == params["price"] else None

    async def send(params: Mapping[str, Any], key: str) -> Subscription:
        made = await api.update_subscription(params["subscription"], params["change"], key)
        if made.pending_update is not None and made.latest_invoice is not None:
            await _give_up(api, made.latest_invoice, key)
        return made

    return seen(send, look, late=False)


async def _give_up(api: StripeApi, bill: Invoice, key: str) -> None:
    """Raises CardDeclined. The bill is void then, and the change forgotten, unless the cardholder can confirm it yet.

    Stripe answers a repeated command as it did the first time: so it is looked what has become of the bill.
    """
    now = await api.invoice(bill.id or "")
    if now.status == "paid":
        return
    attempts = now.payments.data if now.payments else []
    payments = [await api.payment(each.payment.payment_intent) for each in attempts if each.payment.payment_intent]
    if now.status == "open" and any(payment.status == "requires_action" for payment in payments):
        raise CardDeclined("card-declined", reason="authenticate")
    with suppress(StripeRejected):
        await api.void_invoice(bill.id or "", f"{key}:void")
    told = next((payment.declined for payment in payments if payment.declined), "none")
    raise CardDeclined("card-declined", reason=told)
