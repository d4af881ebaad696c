"""What the provisioner tells the others."""

from typing import Literal

from s4_contracts.envelope import Event, Timestamp
from s4_contracts.ids import AccountId, GridId, HostId, SignupId


class ProvisioningProgressed(Event, frozen=True, kw_only=True, tag="provisioner.provisioning-progressed.v1"):
    """One step of building a grid began, ended, or failed and will be tried again.

    ``position`` counts from 1 to ``total``; ``seconds`` is how long the step took, known once it is done;
    ``next_try_at`` is when it is tried again, where that is known.
    """

    account_id: AccountId
    signup_id: SignupId
    grid_id: GridId
    step: str
    state: Literal["started", "done", "retrying"]
    position: int
    total: int
    attempt: int
    seconds: float | None = None
    next_try_at: Timestamp | None = None


class InstanceReady(Event, frozen=True, kw_only=True, tag="provisioner.instance-ready.v1"):
    """A client with this grid's furl has stored a file from outside and read it back."""

    account_id: AccountId
    signup_id: SignupId
    grid_id: GridId
    host_id: HostId
    region: str
    proved_at: Timestamp
    proof_seconds: float


class FurlIssued(Event, frozen=True, kw_only=True, tag="provisioner.furl-issued.v1"):
    """The grid's furl is sealed and waits for its owner.

    ``claim_ref`` names the sealed furl (grid id, a colon, the furl's generation); the furl itself never travels.
    """

    account_id: AccountId
    signup_id: SignupId
    grid_id: GridId
    claim_ref: str


class ProvisioningFailed(Event, frozen=True, kw_only=True, tag="provisioner.provisioning-failed.v1"):
    """A grid that was paid for could not be built. ``final`` says that no further try follows by itself."""

    account_id: AccountId
    signup_id: SignupId
    grid_id: GridId
    step: str
    code: str
    final: bool


class GridSuspended(Event, frozen=True, kw_only=True, tag="provisioner.grid-suspended.v1"):
    """The grid's node is stopped. Everything that is stored in it is still there.

    ``reason`` says who wanted that: "billing", "owner" (who paused it) or "operator".
    """

    account_id: AccountId
    signup_id: SignupId
    grid_id: GridId
    reason: str | None = None


class GridResumed(Event, frozen=True, kw_only=True, tag="provisioner.grid-resumed.v1"):
    """A client with the furl that the grid always had has stored a file from outside and read it back."""

    account_id: AccountId
    signup_id: SignupId
    grid_id: GridId
    proved_at: Timestamp


class GridDeleted(Event, frozen=True, kw_only=True, tag="provisioner.grid-deleted.v1"):
    """Nothing of the grid exists any more: no machine, name, key or object. ``objects`` is how many were removed."""

    account_id: AccountId
    signup_id: SignupId
    grid_id: GridId
    objects: int


class InstanceLost(Event, frozen=True, kw_only=True, tag="provisioner.instance-lost.v1"):
    """The grid's host is gone or useless, and another one is being prepared. Told once for each loss."""

    account_id: AccountId
    signup_id: SignupId
    grid_id: GridId
    host_id: HostId
    code: str


class InstanceRecovered(Event, frozen=True, kw_only=True, tag="provisioner.instance-recovered.v1"):
    """After a loss, a client with the furl that the grid always had has stored a file and read it back.

    ``seconds`` is how long it took since the loss was noticed.
    """

    account_id: AccountId
    signup_id: SignupId
    grid_id: GridId
    host_id: HostId
    proved_at: Timestamp
    seconds: float


class UsageMeasured(Event, frozen=True, kw_only=True, tag="provisioner.usage-measured.v1"):
    """How much the grid's bucket holds. Told when that has changed noticeably, and at least daily."""

    account_id: AccountId
    signup_id: SignupId
    grid_id: GridId
    stored_bytes: int
    objects: int
    quota_bytes: int | None
    measured_at: Timestamp


class GridProved(Event, frozen=True, kw_only=True, tag="provisioner.grid-proved.v1"):
    """A client with the grid's furl has again stored a file from outside and read it back, in so many seconds."""

    account_id: AccountId
    signup_id: SignupId
    grid_id: GridId
    proved_at: Timestamp
    seconds: float


class DeletionScheduled(Event, frozen=True, kw_only=True, tag="provisioner.deletion-scheduled.v1"):
    """All that is stored in the grid is deleted at ``delete_at``.

    That is at its owner's wish or, with ``by_owner`` false, again when it was promised. ``revision`` rises each time.
    """

    account_id: AccountId
    signup_id: SignupId
    grid_id: GridId
    delete_at: Timestamp
    by_owner: bool
    revision: int


class CapacityReported(Event, frozen=True, kw_only=True, tag="provisioner.capacity-reported.v1"):
    """Whether more grids of these plans can be built now. Told when that changes, and every hour.

    ``room`` is how many more, where that is known; ``code`` says why none can be.
    """

    pool: str
    region: str
    plans: list[str]
    can_build: bool
    room: int | None
    code: str | None
    measured_at: Timestamp
