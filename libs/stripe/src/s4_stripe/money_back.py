"""Refunds, disputes and warnings of fraud."""

from s4_stripe.caller import Caller, Params, keyed, unchecked
from s4_stripe.facts import Dispute, FraudWarning, Refund


class MoneyBack(Caller):
    """What takes money away again."""

    async def create_refund(self, params: Params, key: str) -> Refund:
        """Money goes back; the same key sends it once. Raises StripeRejected when there is not so much left."""
        return await self._ask(Refund, lambda: self._v1.refunds.create_async(unchecked(params), keyed(key)))

    async def refunds_of(self, charge: str) -> list[Refund]:
        """All refunds of a charge, failed ones too."""
        return [found async for found in self._pages(Refund, self._v1.refunds.list_async, {"charge": charge})]

    async def disputes_of(self, charge: str) -> list[Dispute]:
        """All disputes of a charge."""
        return [found async for found in self._pages(Dispute, self._v1.disputes.list_async, {"charge": charge})]

    async def warning(self, warning: str) -> FraudWarning:
        """The warning as it is now. Raises NotAtStripe."""
        found = self._v1.radar.early_fraud_warnings.retrieve_async
        return await self._ask(FraudWarning, lambda: found(warning))
