"""Every event version that is in use."""

from s4_contracts.billing import SignupPaid
from s4_contracts.envelope import Event
from s4_contracts.notifier import LetterBounced, LetterSent
from s4_contracts.provisioner import FurlIssued, InstanceReady, ProvisioningFailed, ProvisioningProgressed
from s4_contracts.web import FurlClaimed, InviteRequested

EVENTS: tuple[type[Event], ...] = (
    SignupPaid,
    ProvisioningProgressed,
    InstanceReady,
    FurlIssued,
    ProvisioningFailed,
    FurlClaimed,
    InviteRequested,
    LetterSent,
    LetterBounced,
)
