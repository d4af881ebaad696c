"""Bills."""

from s4_stripe.caller import Caller, Params, keyed, unchecked
from s4_stripe.errors import NotAtStripe
from s4_stripe.facts import Invoice, Payment


class Invoices(Caller):
    """Bills, their previews and their payment."""

    async def invoices_of(self, customer: str) -> list[Invoice]:
        """All bills of a customer with their payments, newest first; none if there is no such customer."""
        params = {"customer": customer, "expand": ["data.payments"]}
        try:
            return [found async for found in self._pages(Invoice, self._v1.invoices.list_async, params)]
        except NotAtStripe:
            return []

    async def invoice(self, invoice: str) -> Invoice:
        """The bill as it is now, with its payments. Raises NotAtStripe."""
        params = unchecked({"expand": ["payments"]})
        return await self._ask(Invoice, lambda: self._v1.invoices.retrieve_async(invoice, params))

    async def preview_invoice(self, params: Params) -> Invoice:
        """The bill that a change would lead to; nothing is changed."""
        return await self._ask(Invoice, lambda: self._v1.invoices.create_preview_async(unchecked(params)))

    async def pay_invoice(self, invoice: str, key: str) -> Invoice:
        """The bill is paid by the subscription's card. Raises CardDeclined, or StripeRejected when it is not open."""
        return await self._ask(Invoice, lambda: self._v1.invoices.pay_async(invoice, options=keyed(key)))

    async def void_invoice(self, invoice: str, key: str) -> Invoice:
        """Nothing is owed by this bill any more. Raises StripeRejected when it is paid or void."""
        return await self._ask(Invoice, lambda: self._v1.invoices.void_invoice_async(invoice, options=keyed(key)))

    async def payment(self, payment_intent: str) -> Payment:
        """How far the payment behind a bill is. Raises NotAtStripe."""
        return await self._ask(Payment, lambda: self._v1.payment_intents.retrieve_async(payment_intent))
