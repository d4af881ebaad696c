"""How much is stored, and whether more can be built, as the provisioner tells it."""

from datetime import datetime

from s4_contracts.ids import AccountId, GridId, SignupId
from s4_contracts.provisioner import CapacityReported, UsageMeasured
from s4_runtime import new_id


def a_report(
    at: datetime, *plans: str, can_build: bool = False, pool: str = "dedicated", region: str = "us-east-1"
) -> CapacityReported:
    """What one pool said at the moment: by default, that it is full."""
    return CapacityReported(
        occurred_at=at,
        pool=pool,
        region=region,
        plans=list(plans),
        can_build=can_build,
        room=None,
        code=None if can_build else "no-capacity",
        measured_at=at,
    )


def a_measurement(
    at: datetime, account: str, signup: str, stored: int, *, quota: int | None = None, grid: str | None = None
) -> UsageMeasured:
    """So much is stored in the signup's grid at the moment."""
    return UsageMeasured(
        occurred_at=at,
        account_id=AccountId(account),
        signup_id=SignupId(signup),
        grid_id=GridId(grid or new_id()),
        stored_bytes=stored,
        objects=12_345,
        quota_bytes=quota,
        measured_at=at,
    )
