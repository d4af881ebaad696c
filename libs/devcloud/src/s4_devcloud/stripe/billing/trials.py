"""Free time at the beginning."""

from typing import Literal

from s4_devcloud.stripe.problems import invalid
from s4_devcloud.stripe.wire import Wire

_DAY = 24 * 3600
_LONGEST_DAYS = 730  # Stripe's limit


def trial_end(data: Wire, now: int, shortest: int, prefix: str = "") -> int | None:
    """When the trial ends that these parameters want, None without one. Raises Problem for one that cannot be.

    `shortest` are the seconds that a trial_end must lie ahead.
    """
    days: int | None = data.get("trial_period_days")
    end: int | Literal["now"] | None = data.get("trial_end")
    if days is not None and end is not None:
        raise invalid("You may only specify one of these parameters: trial_end, trial_period_days.", "trial_end")
    if days is not None:
        if not 1 <= days <= _LONGEST_DAYS:
            name = f"{prefix}[trial_period_days]" if prefix else "trial_period_days"
            raise invalid("Trials last at least one day and at most two years.", name)
        return now + days * _DAY
    if end is None or end == "now":
        return None
    if not now + shortest <= end <= now + _LONGEST_DAYS * _DAY:
        name = f"{prefix}[trial_end]" if prefix else "trial_end"
        raise invalid("The `trial_end` date must lie far enough in the future, and within two years.", name)
    return end
