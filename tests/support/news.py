"""What billing and the provisioner tell of one subscription, for the notifier to write about."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from s4_contracts import Event
from s4_contracts.billing import (
    CancellationReverted,
    CancellationScheduled,
    PaymentFailed,
    PaymentRecovered,
    PlanChanged,
    RefundIssued,
    ServiceSuspended,
    SignupPaid,
    SubscriptionEnded,
    SubscriptionRenewed,
)
from s4_contracts.ids import AccountId, GridId, RefundId, SignupId, SubscriptionId
from s4_contracts.provisioner import DeletionScheduled, GridDeleted, GridResumed, GridSuspended
from s4_runtime import new_id

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
E = TypeVar("E", bound=Event)
USUAL: dict[type[Event], dict[str, object]] = {
    SignupPaid: {"plan": "personal", "email": "reader@example.org", "trial_end": START + timedelta(days=14)},
    SubscriptionRenewed: {
        "amount": 2500,
        "currency": "usd",
        "period_end": START + timedelta(days=31),
        "invoice_number": "S4-0007",
    },
    PaymentFailed: {
        "amount": 2500,
        "currency": "usd",
        "attempt": 1,
        "next_attempt_at": START + timedelta(days=3),
        "suspends_at": START + timedelta(days=14),
    },
    PaymentRecovered: {"amount": 2500, "currency": "usd"},
    ServiceSuspended: {"reason": "unpaid"},
    CancellationScheduled: {"ends_at": START + timedelta(days=9)},
    CancellationReverted: {},
    SubscriptionEnded: {"reason": "cancelled", "delete_after": START + timedelta(days=30)},
    PlanChanged: {"plan": "studio", "previous_plan": "personal", "quota_bytes": 4 * 10**12},
    RefundIssued: {"amount": 2500, "currency": "usd", "reason": "other"},
    GridSuspended: {"reason": "owner"},
    GridResumed: {"proved_at": START},
    DeletionScheduled: {"delete_at": START + timedelta(days=1), "by_owner": True, "revision": 1},
    GridDeleted: {"objects": 12345},
}


class Life:
    """One subscription and its grid; each piece of news has its usual facts, unless others are given."""

    def __init__(self) -> None:
        self.account, self.signup = AccountId(new_id()), SignupId(new_id())
        self.subscription, self.grid = SubscriptionId(new_id()), GridId(new_id())

    def news(self, event: type[E], revision: int = 1, **facts: object) -> E:
        said: dict[str, Any] = {"occurred_at": START, "account_id": self.account, "signup_id": self.signup}
        if issubclass(event, GridSuspended | GridResumed | DeletionScheduled | GridDeleted):
            said |= {"grid_id": self.grid}
        else:
            said |= {"subscription_id": self.subscription, "revision": revision}
        if event is RefundIssued:
            said |= {"refund_id": RefundId(new_id())}
        return event(**(said | USUAL[event] | facts))
