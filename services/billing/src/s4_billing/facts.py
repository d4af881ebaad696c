"""What Stripe says, reduced to what we decide by. Field names are Stripe's (API 2026-10-28.endive)."""

from typing import Literal

import msgspec

from s4_runtime import Secret


class Recurring(msgspec.Struct, frozen=True):
    """How often a price is charged."""

    interval: str
    interval_count: int = 1


class Price(msgspec.Struct, frozen=True):
    """A price; ``unit_amount`` is in the currency's minor unit."""

    id: str
    currency: str
    active: bool = True
    lookup_key: str | None = None
    unit_amount: int | None = None
    recurring: Recurring | None = None


class Invoice(msgspec.Struct, frozen=True):
    """A bill. ``attempt_count`` counts tries to collect it, ``created`` is Unix time."""

    id: str
    status: str | None
    created: int
    attempt_count: int = 0


class Item(msgspec.Struct, frozen=True):
    """A line of a subscription. The period is here since API 2025-03-31.basil."""

    price: Price
    current_period_end: int


class Items(msgspec.Struct, frozen=True):
    """The lines of a subscription; ours have one."""

    data: list[Item]


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription with its latest invoice. Cancellation is scheduled when either cancel field is set."""

    id: str
    status: str
    created: int
    items: Items
    latest_invoice: Invoice | None = None
    cancel_at: int | None = None
    cancel_at_period_end: bool = False
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


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """A customer. Of a deleted one Stripe tells no more than the id."""

    id: str
    deleted: bool = False
    metadata: dict[str, str] = {}


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
