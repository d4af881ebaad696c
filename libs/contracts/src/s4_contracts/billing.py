"""What billing tells the others.

All but the first are about a subscription as it is at ``revision``, which only rises: who hears a lower one later than
a higher one has heard old news. Amounts are in the currency's minor unit.
"""

from typing import Literal

from s4_contracts.envelope import Event, Timestamp
from s4_contracts.ids import AccountId, RefundId, SignupId, SubscriptionId


class SignupPaid(Event, frozen=True, kw_only=True, tag="billing.signup-paid.v1"):
    """Stripe says that this signup's subscription is live: the person is owed a grid.

    Told once for each subscription. It is the only event with an address in it, because the notifier learns it here.
    """

    account_id: AccountId
    signup_id: SignupId
    subscription_id: SubscriptionId
    plan: str
    email: str
    period_end: Timestamp | None = None
    quota_bytes: int | None = None  # what the plan holds, as it was sold
    trial_end: Timestamp | None = None  # nothing was charged yet, and nothing is until then
    revision: int = 0
    # The first bill, where one is paid.
    amount: int | None = None
    currency: str | None = None
    invoice_number: str | None = None


class OfSubscription(Event, frozen=True, kw_only=True):
    """What all the rest have: whose subscription, the signup that it was bought by, and which news is newer."""

    account_id: AccountId
    signup_id: SignupId
    subscription_id: SubscriptionId
    revision: int


class SubscriptionRenewed(OfSubscription, frozen=True, kw_only=True, tag="billing.subscription-renewed.v1"):
    """Another period is paid. Told once for each bill."""

    amount: int
    currency: str
    period_end: Timestamp | None
    invoice_number: str | None


class PaymentFailed(OfSubscription, frozen=True, kw_only=True, tag="billing.payment-failed.v1"):
    """A try to collect a bill failed. Told once for each try; the service goes on until ``suspends_at``.

    ``must_confirm``: the bank wants the cardholder to confirm, and trying again without that will not help.
    """

    amount: int
    currency: str
    attempt: int
    next_attempt_at: Timestamp | None
    suspends_at: Timestamp
    must_confirm: bool = False


class PaymentRecovered(OfSubscription, frozen=True, kw_only=True, tag="billing.payment-recovered.v1"):
    """The bill that could not be collected is paid."""

    amount: int
    currency: str


class ServiceSuspended(OfSubscription, frozen=True, kw_only=True, tag="billing.service-suspended.v1"):
    """The grid is not served until further notice; nothing in it is removed."""

    reason: Literal["unpaid", "disputed", "paused"]


class ServiceResumed(OfSubscription, frozen=True, kw_only=True, tag="billing.service-resumed.v1"):
    """The grid is to be served again, with the furl that it had."""


class CancellationScheduled(OfSubscription, frozen=True, kw_only=True, tag="billing.cancellation-scheduled.v1"):
    """The customer wants to leave; the service goes on until ``ends_at``."""

    ends_at: Timestamp


class CancellationReverted(OfSubscription, frozen=True, kw_only=True, tag="billing.cancellation-reverted.v1"):
    """The customer stays after all."""


class SubscriptionEnded(OfSubscription, frozen=True, kw_only=True, tag="billing.subscription-ended.v1"):
    """Nothing more is charged and nothing is served. What is stored is kept until ``delete_after``.

    ``not-provided``: the grid could not be made. ``duplicate``: the account had another live subscription already; it
    is told of no signup then.
    """

    reason: Literal["cancelled", "unpaid", "disputed", "not-provided", "duplicate", "other"]
    delete_after: Timestamp


class PlanChanged(OfSubscription, frozen=True, kw_only=True, tag="billing.plan-changed.v1"):
    """Another plan holds from now on."""

    plan: str
    previous_plan: str | None
    quota_bytes: int | None


class RefundIssued(OfSubscription, frozen=True, kw_only=True, tag="billing.refund-issued.v1"):
    """Money is on its way back. Told once for each refund."""

    refund_id: RefundId
    amount: int
    currency: str
    reason: Literal["not-provided", "duplicate", "goodwill", "other"]


class DisputeOpened(OfSubscription, frozen=True, kw_only=True, tag="billing.dispute-opened.v1"):
    """A payment is contested, or called fraud by the card network: nothing of the grid may be deleted meanwhile."""

    kind: Literal["dispute", "fraud-warning"]


class DisputeClosed(OfSubscription, frozen=True, kw_only=True, tag="billing.dispute-closed.v1"):
    """No payment of the subscription is contested any more."""
