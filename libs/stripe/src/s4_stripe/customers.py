"""Customers, and whose an object is."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from s4_stripe.caller import Caller, Params, keyed, unchecked
from s4_stripe.errors import NotAtStripe
from s4_stripe.facts import Card, Charge, Customer, Dispute, FraudWarning


class _Owned(msgspec.Struct, frozen=True):
    customer: str | None = None


class Customers(Caller):
    """One customer for each of our accounts."""

    async def create_customer(self, params: Params, key: str) -> Customer:
        """A customer; the same key gives the same one."""
        return await self._ask(Customer, lambda: self._v1.customers.create_async(unchecked(params), keyed(key)))

    async def change_email(self, customer: str, email: str, key: str | None = None) -> Customer:
        """Bills and receipts go to this address."""
        options = keyed(key) if key else None
        return await self._ask(Customer, lambda: self._v1.customers.update_async(customer, {"email": email}, options))

    async def card(self, card: str) -> Card:
        """The card. Raises NotAtStripe."""
        return await self._ask(Card, lambda: self._v1.payment_methods.retrieve_async(card))

    async def customer(self, customer: str) -> Customer:
        """The customer, or what is left of a deleted one. Raises NotAtStripe."""
        return await self._ask(Customer, lambda: self._v1.customers.retrieve_async(customer))

    async def customers_with(self, email: str) -> AsyncIterator[Customer]:
        """All customers with the address (a listing, so it is up to date; a search is not)."""
        async for found in self._pages(Customer, self._v1.customers.list_async, {"email": email}):
            yield found

    async def customer_of(self, kind: str, object_id: str) -> str | None:
        """Whose object it is. None if it has no owner, is gone, or is of a kind that we do not look at."""
        if kind == "customer":
            return object_id
        try:
            if (charge := await self._charge_of(kind, object_id)) is not None:
                kind, object_id = "charge", charge
            retrieve = self._retrievers().get(kind)
            return (await self._ask(_Owned, partial(retrieve, object_id))).customer if retrieve else None
        except NotAtStripe:
            return None

    def _retrievers(self) -> Mapping[str, Callable[[str], Awaitable[Any]]]:
        return {
            "checkout.session": self._v1.checkout.sessions.retrieve_async,
            "subscription": self._v1.subscriptions.retrieve_async,
            "invoice": self._v1.invoices.retrieve_async,
            "payment_method": self._v1.payment_methods.retrieve_async,
            "charge": self._v1.charges.retrieve_async,
        }

    async def _charge_of(self, kind: str, object_id: str) -> str | None:
        """The charge that a dispute, a warning or a refund is about: they do not name the customer."""
        match kind:
            case "dispute":
                return (await self._ask(Dispute, partial(self._v1.disputes.retrieve_async, object_id))).charge
            case "radar.early_fraud_warning":
                found = partial(self._v1.radar.early_fraud_warnings.retrieve_async, object_id)
                return (await self._ask(FraudWarning, found)).charge
            case "refund":
                return (await self._ask(_Charged, partial(self._v1.refunds.retrieve_async, object_id))).charge
            case _:
                return None

    async def charges_of(self, customer: str) -> list[Charge]:
        """All charges of a customer, newest first; none if there is no such customer."""
        try:
            return [found async for found in self._pages(Charge, self._v1.charges.list_async, {"customer": customer})]
        except NotAtStripe:
            return []


class _Charged(msgspec.Struct, frozen=True):
    charge: str | None = None
