"""What billing tells the others."""

from s4_contracts.envelope import Event, Timestamp
from s4_contracts.ids import AccountId, SignupId, SubscriptionId


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
