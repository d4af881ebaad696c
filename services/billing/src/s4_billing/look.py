"""One look at a customer of Stripe: all that decides what our rows say.

The usual look is three lists; what is out of the ordinary (a refund, a dispute, a bill that failed) costs a call more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from s4_billing import money, store
from s4_billing.money import DisputeRow
from s4_store import Pool
from s4_stripe.api import StripeApi
from s4_stripe.errors import NotAtStripe, StripeUnavailable
from s4_stripe.facts import Charge, Dispute, FraudWarning, Invoice, Refund, Session, Subscription

T = TypeVar("T")


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What Stripe said at some moment after ``tick``."""

    tick: int
    stripe_customer_id: str
    subscriptions: Sequence[Subscription] = ()
    invoices: Sequence[Invoice] = ()
    charges: Sequence[Charge] = ()
    sessions: Sequence[Session] = ()
    refunds: Sequence[Refund] = ()
    disputes: Sequence[Dispute] = ()
    warnings: Sequence[FraudWarning] = ()
    to_confirm: frozenset[str] = frozenset()  # bills that wait for the cardholder
    card: str | None = None  # what the customer chose for all bills, if that may be news

    def charges_of(self, invoice: Invoice) -> list[Charge]:
        """The tries to pay the bill, newest first."""
        paid_by = [each.payment for each in invoice.payments.data] if invoice.payments else []
        names = {name for each in paid_by for name in (each.charge, each.payment_intent) if name}
        return [charge for charge in self.charges if names & {charge.id, charge.payment_intent}]


class Looker:
    """Looks at customers."""

    def __init__(self, pool: Pool, api: StripeApi, deployment: str) -> None:
        self._pool = pool
        self._api = api
        self._deployment = deployment

    async def look(self, account_id: str) -> Look | None:
        """What Stripe says of the account now; None if it has no customer. Raises StripeUnavailable or StripeBusy."""
        tick = await store.next_tick(self._pool)
        customer = await store.customer(self._pool, account_id)
        if customer is None or customer.stripe_customer_id is None:
            return None
        name = customer.stripe_customer_id
        found, sessions = await asyncio.gather(self._api.subscriptions_of(name), self._sessions(account_id))
        if not found:
            await self._have_known(account_id, name)
        ours = [each for each in found if each.metadata.get("deployment", self._deployment) == self._deployment]
        look = Look(tick=tick, stripe_customer_id=name, subscriptions=ours, sessions=sessions)
        if ours:  # who never subscribed has no bills
            invoices, charges = await asyncio.gather(self._api.invoices_of(name), self._api.charges_of(name))
            look = msgspec.structs.replace(look, invoices=invoices, charges=charges)
            look = msgspec.structs.replace(look, card=await self._card(look))
        return await self._closer(account_id, look)

    async def _closer(self, account_id: str, look: Look) -> Look:
        """With what is out of the ordinary."""
        contested = await money.disputes(self._pool, account_id)
        refunds, disputes, warnings, to_confirm = await asyncio.gather(
            self._refunds(account_id, look),
            self._disputes(contested, look),
            self._warnings(contested, look),
            self._to_confirm(look),
        )
        return msgspec.structs.replace(
            look, refunds=refunds, disputes=disputes, warnings=warnings, to_confirm=to_confirm
        )

    async def _have_known(self, account_id: str, stripe_customer_id: str) -> None:
        """Raises StripeUnavailable if Stripe never had the customer of a subscription: our key is of another account.

        Of a customer who was deleted Stripe still tells that.
        """
        sql = "select true from subscription where account_id = $1 and state <> 'ended' limit 1"
        if await self._pool.fetchval(sql, account_id) and not await _each(self._api.customer, [stripe_customer_id]):
            raise StripeUnavailable("payment-service-unavailable", reason="customer-unknown", account=account_id)

    async def _sessions(self, account_id: str) -> list[Session]:
        """Those of checkouts whose end we do not know."""
        checkouts = await store.unfinished_checkouts(self._pool, account_id)
        return await _each(self._api.session, (each.stripe_session_id for each in checkouts))

    async def _refunds(self, account_id: str, look: Look) -> list[Refund]:
        """All of charges of which something was paid back, or was to be."""
        rows = await money.refunds(self._pool, account_id)
        asked = {charge.id for charge in look.charges if charge.amount_refunded}
        asked |= {row.stripe_charge_id or "" for row in rows if row.stripe_refund_id and not row.is_over}
        return await _lists(self._api.refunds_of, asked)

    async def _disputes(self, rows: Sequence[DisputeRow], look: Look) -> list[Dispute]:
        """All of charges that were ever contested."""
        asked = {charge.id for charge in look.charges if charge.disputed}
        asked |= {row.stripe_charge_id for row in rows if row.kind == "dispute" and row.is_open}
        return await _lists(self._api.disputes_of, asked)

    async def _warnings(self, rows: Sequence[DisputeRow], look: Look) -> list[FraudWarning]:
        """Those that we were told of, but those about which nothing could be done any more: that does not change."""
        told = await money.known_warnings(self._pool, look.stripe_customer_id)
        warnings = [row for row in rows if row.kind == "fraud-warning"]
        told |= {row.stripe_dispute_id for row in warnings}
        return await _each(self._api.warning, told - {row.stripe_dispute_id for row in warnings if not row.is_open})

    async def _card(self, look: Look) -> str | None:
        """The customer's choice: asked when there is news of the customer, and while a bill waits for its payment."""
        name = look.stripe_customer_id
        sql = (
            "select true from stripe_event where stripe_customer_id = $1 and state = 'new' and object_type = 'customer'"
        )
        is_asked = any(invoice.status == "open" for invoice in look.invoices) or await self._pool.fetchval(sql, name)
        found = await _each(self._api.customer, [name]) if is_asked else []
        return next((customer.card for customer in found), None)

    async def _to_confirm(self, look: Look) -> frozenset[str]:
        """Bills whose payment waits for the cardholder: only of open ones that were tried is that asked."""
        waiting = set()
        for invoice in look.invoices:
            if invoice.id is None or invoice.status != "open" or not invoice.attempt_count:
                continue
            payments = invoice.payments.data if invoice.payments else []
            found = await _each(self._api.payment, (each.payment.payment_intent for each in payments))
            if any(payment.status == "requires_action" for payment in found):
                waiting.add(invoice.id)
        return frozenset(waiting)


async def _lists(ask: Callable[[str], Awaitable[list[T]]], names: Iterable[str | None]) -> list[T]:
    found = await _each(ask, names)
    return [each for several in found for each in several]


async def _each(ask: Callable[[str], Awaitable[T]], names: Iterable[str | None]) -> list[T]:
    """What Stripe says of each, without those that it does not have."""

    async def answer(name: str) -> list[T]:
        try:
            return [await ask(name)]
        except NotAtStripe:
            return []

    answers = await asyncio.gather(*(answer(name) for name in dict.fromkeys(names) if name))
    return [each for several in answers for each in several]
