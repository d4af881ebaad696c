"""A subscription's news as billing tells them: each has a higher revision than the last."""

from datetime import timedelta
from typing import Any, Literal

from s4_contracts.billing import (
    DisputeClosed,
    DisputeOpened,
    PlanChanged,
    ServiceResumed,
    ServiceSuspended,
    SignupPaid,
    SubscriptionEnded,
)
from s4_runtime import Clock, SystemClock

EndReason = Literal["cancelled", "unpaid", "disputed", "not-provided", "duplicate", "other"]


class Subscription:
    """What follows a payment."""

    def __init__(self, payment: SignupPaid, clock: Clock | None = None) -> None:
        self.payment = payment
        self._clock = clock or SystemClock()
        self.revision = payment.revision

    @property
    def whose(self) -> tuple[str, str]:
        """Account and signup."""
        return self.payment.account_id, self.payment.signup_id

    def suspended(self, reason: Literal["unpaid", "disputed", "paused"] = "unpaid") -> ServiceSuspended:
        return ServiceSuspended(**self._next(), reason=reason)

    def resumed(self) -> ServiceResumed:
        return ServiceResumed(**self._next())

    def ended(self, kept: timedelta = timedelta(days=30), reason: EndReason = "cancelled") -> SubscriptionEnded:
        """``kept`` counts from when the event is made."""
        return SubscriptionEnded(**self._next(), reason=reason, delete_after=self._clock.now() + kept)

    def changed(self, plan: str = "studio", quota_bytes: int | None = 4 * 10**12) -> PlanChanged:
        return PlanChanged(**self._next(), plan=plan, previous_plan=self.payment.plan, quota_bytes=quota_bytes)

    def disputed(self) -> DisputeOpened:
        return DisputeOpened(**self._next(), kind="dispute")

    def cleared(self) -> DisputeClosed:
        return DisputeClosed(**self._next())

    def _next(self) -> dict[str, Any]:
        self.revision += 1
        return {
            "occurred_at": self._clock.now(),
            "account_id": self.payment.account_id,
            "signup_id": self.payment.signup_id,
            "subscription_id": self.payment.subscription_id,
            "revision": self.revision,
        }
