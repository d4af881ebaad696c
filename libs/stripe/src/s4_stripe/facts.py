"""What Stripe says, reduced to what we decide by. Field names are Stripe's (API 2026-10-28.endive).

Amounts are integers in the currency's minor unit; times are Unix seconds.
"""

from typing import Literal

import msgspec

from s4_runtime import Secret


class Recurring(msgspec.Struct, frozen=True):
    """How often a price is charged."""

    interval: str
    interval_count: int = 1
    usage_type: str = "licensed"


class Price(msgspec.Struct, frozen=True):
    """A price."""

    id: str
    currency: str
    active: bool = True
    lookup_key: str | None = None
    unit_amount: int | None = None
    recurring: Recurring | None = None
    tax_behavior: str | None = None


class PaidBy(msgspec.Struct, frozen=True):
    """The payment behind an invoice payment."""

    payment_intent: str | None = None
    charge: str | None = None


class InvoicePayment(msgspec.Struct, frozen=True):
    """A try to pay an invoice, or one that succeeded."""

    id: str
    status: str
    payment: PaidBy = PaidBy()


class InvoicePayments(msgspec.Struct, frozen=True):
    """The payments of an invoice."""

    data: list[InvoicePayment] = []


class ForSubscription(msgspec.Struct, frozen=True):
    """The subscription that an invoice is for."""

    subscription: str | None = None


class Parent(msgspec.Struct, frozen=True):
    """What an invoice is for."""

    subscription_details: ForSubscription | None = None


class Transitions(msgspec.Struct, frozen=True):
    """When an invoice came to where it is."""

    paid_at: int | None = None


class Period(msgspec.Struct, frozen=True):
    """From when to when."""

    start: int
    end: int


class Line(msgspec.Struct, frozen=True):
    """A line of an invoice; a negative amount is a credit."""

    amount: int
    period: Period
    description: str | None = None


class Lines(msgspec.Struct, frozen=True):
    """The lines of an invoice."""

    data: list[Line] = []


class Tax(msgspec.Struct, frozen=True):
    """A tax of an invoice."""

    amount: int


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """A bill. ``attempt_count`` counts tries to collect it. Its addresses let their holder see it: they never show."""

    id: str | None = None  # a preview has none
    status: str | None
    created: int
    attempt_count: int = 0
    number: str | None = None
    billing_reason: str | None = None
    currency: str = ""
    total: int = 0
    amount_due: int = 0
    amount_paid: int = 0
    amount_remaining: int = 0
    next_payment_attempt: int | None = None
    period_end: int = 0
    parent: Parent | None = None
    payments: InvoicePayments | None = None
    lines: Lines | None = None
    total_taxes: list[Tax] | None = None
    status_transitions: Transitions = Transitions()
    invoice_pdf: Secret | None = None
    hosted_invoice_url: Secret | None = None

    @property
    def subscription(self) -> str | None:
        """The subscription that it is for."""
        return (
            self.parent.subscription_details.subscription if self.parent and self.parent.subscription_details else None
        )

    @property
    def tax(self) -> int:
        """All taxes together."""
        return sum(each.amount for each in self.total_taxes or [])


class Item(msgspec.Struct, frozen=True):
    """A line of a subscription. The period is here since API 2025-03-31.basil."""

    price: Price
    current_period_end: int
    id: str = ""
    current_period_start: int = 0


class Items(msgspec.Struct, frozen=True):
    """The lines of a subscription; ours have one."""

    data: list[Item]


class Ending(msgspec.Struct, frozen=True):
    """Why a subscription ends: cancellation_requested, payment_failed or payment_disputed."""

    reason: str | None = None


class PendingUpdate(msgspec.Struct, frozen=True):
    """A change that waits for its payment until ``expires_at``."""

    expires_at: int


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription with its latest invoice. Cancellation is scheduled when either cancel field is set."""

    id: str
    status: str
    created: int
    items: Items
    customer: str = ""
    latest_invoice: Invoice | None = None
    cancel_at: int | None = None
    cancel_at_period_end: bool = False
    canceled_at: int | None = None
    ended_at: int | None = None
    trial_end: int | None = None
    default_payment_method: str | None = None
    cancellation_details: Ending | None = None
    pending_update: PendingUpdate | None = None
    metadata: dict[str, str] = {}


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A checkout session. Its URL and client secret let the holder pay, so they never show."""

    id: str
    status: Literal["open", "complete", "expired"] | None
    payment_status: str
    expires_at: int
    customer: str | None = None
    client_reference_id: str | None = None
    metadata: dict[str, str] | None = None
    url: Secret | None = None
    client_secret: Secret | None = None


class PortalSession(msgspec.Struct, frozen=True):
    """A way into Stripe's portal for one customer; whoever has the address is let in, so it never shows."""

    id: str
    url: Secret


class Billing(msgspec.Struct, frozen=True):
    """How a customer pays."""

    default_payment_method: str | None = None


class Card(msgspec.Struct, frozen=True):
    """A way to pay that a customer has."""

    id: str
    created: int


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """A customer. Of a deleted one Stripe tells no more than the id."""

    id: str
    deleted: bool = False
    email: str | None = None
    metadata: dict[str, str] = {}
    invoice_settings: Billing | None = None

    @property
    def card(self) -> str | None:
        """The card that the customer chose for all bills, if any."""
        return self.invoice_settings.default_payment_method if self.invoice_settings else None


class Refusal(msgspec.Struct, frozen=True):
    """Why a try to pay failed."""

    code: str | None = None
    decline_code: str | None = None


class Payment(msgspec.Struct, frozen=True):
    """A payment intent; ``requires_action`` waits for the cardholder."""

    id: str
    status: str
    last_payment_error: Refusal | None = None

    @property
    def declined(self) -> str | None:
        """Why the last try failed, if it did (docs.stripe.com/declines/codes)."""
        error = self.last_payment_error
        return (error.decline_code or error.code) if error else None


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """Money taken, or a try to take it."""

    id: str
    status: str
    amount: int
    currency: str
    created: int
    amount_refunded: int = 0
    disputed: bool = False
    payment_intent: str | None = None
    customer: str | None = None


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money on its way back: pending, requires_action, succeeded, failed or canceled."""

    id: str
    status: str
    amount: int
    currency: str
    created: int
    charge: str | None = None
    payment_intent: str | None = None
    metadata: dict[str, str] | None = None


class EvidenceDue(msgspec.Struct, frozen=True):
    """Until when a dispute can be answered."""

    due_by: int | None = None


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A charge that the cardholder contests. won, lost, prevented and warning_closed are its ends."""

    id: str
    status: str
    reason: str
    amount: int
    currency: str
    created: int
    charge: str
    evidence_details: EvidenceDue = EvidenceDue()

    @property
    def is_open(self) -> bool:
        """Whether it is still undecided."""
        return self.status not in {"won", "lost", "prevented", "warning_closed"}


class FraudWarning(msgspec.Struct, frozen=True, kw_only=True):
    """A card network believes that a charge was fraud. Not ``actionable`` once it was refunded or disputed."""

    id: str
    actionable: bool
    charge: str
    created: int
    fraud_type: str = ""


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """That something happened to an object at Stripe. Never what is true now: that is fetched.

    ``customer`` and ``deployment`` are known when the delivery carried them (a thin event does not).
    """

    id: str
    type: str
    created: int
    livemode: bool
    object_type: str
    object_id: str
    customer: str | None = None
    deployment: str | None = None
