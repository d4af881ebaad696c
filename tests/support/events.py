"""Events to send about."""

from datetime import UTC, datetime

from s4_contracts.billing import SignupPaid
from s4_contracts.ids import AccountId, GridId, RequestId, SignupId, SubscriptionId
from s4_contracts.web import InviteRequested
from s4_runtime import new_id


def an_invite(request_id: str = "") -> InviteRequested:
    """An event with one listener: the notifier."""
    return InviteRequested(
        occurred_at=datetime.now(UTC),
        account_id=AccountId(new_id()),
        grid_id=GridId(new_id()),
        request_id=RequestId(request_id or new_id()),
    )


def a_paid_signup(plan: str = "personal") -> SignupPaid:
    """An event with three listeners."""
    return SignupPaid(
        occurred_at=datetime.now(UTC),
        account_id=AccountId(new_id()),
        signup_id=SignupId(new_id()),
        subscription_id=SubscriptionId(new_id()),
        plan=plan,
        email="someone@example.org",
        period_end=None,
    )
