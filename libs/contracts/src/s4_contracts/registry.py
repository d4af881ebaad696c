"""Every event version that is in use."""

from s4_contracts.billing import (
    CancellationReverted,
    CancellationScheduled,
    DisputeClosed,
    DisputeOpened,
    PaymentFailed,
    PaymentRecovered,
    PlanChanged,
    RefundIssued,
    ServiceResumed,
    ServiceSuspended,
    SignupPaid,
    SubscriptionEnded,
    SubscriptionRenewed,
)
from s4_contracts.envelope import Event
from s4_contracts.notifier import LetterBounced, LetterSent
from s4_contracts.provisioner import (
    FurlIssued,
    GridDeleted,
    GridResumed,
    GridSuspended,
    InstanceReady,
    ProvisioningFailed,
    ProvisioningProgressed,
)
from s4_contracts.web import FurlClaimed, InviteRequested, SignInRequested

EVENTS: tuple[type[Event], ...] = (
    SignupPaid,
    SubscriptionRenewed,
    PaymentFailed,
    PaymentRecovered,
    ServiceSuspended,
    ServiceResumed,
    CancellationScheduled,
    CancellationReverted,
    SubscriptionEnded,
    PlanChanged,
    RefundIssued,
    DisputeOpened,
    DisputeClosed,
    ProvisioningProgressed,
    InstanceReady,
    FurlIssued,
    ProvisioningFailed,
    GridSuspended,
    GridResumed,
    GridDeleted,
    FurlClaimed,
    InviteRequested,
    SignInRequested,
    LetterSent,
    LetterBounced,
)
