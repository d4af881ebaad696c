"""The ids that services may tell each other. All are our own UUIDs in text form; none is a key of Stripe or AWS."""

from typing import NewType

AccountId = NewType("AccountId", str)
SignupId = NewType("SignupId", str)
SubscriptionId = NewType("SubscriptionId", str)
GridId = NewType("GridId", str)
HostId = NewType("HostId", str)
LetterId = NewType("LetterId", str)
RequestId = NewType("RequestId", str)
RefundId = NewType("RefundId", str)
InviteId = NewType("InviteId", str)
