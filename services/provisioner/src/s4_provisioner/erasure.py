"""On which day everything of a grid is deleted that has ended: as promised, or sooner at its owner's choice. Pure."""

from datetime import datetime, timedelta

import msgspec

# Who ends a subscription at once may choose before billing has seen the end.
_ENDS_SOON = timedelta(hours=1)
# What was chosen and taken back while nobody listened is heard within this time: nothing is deleted in between.
_HEARD = timedelta(hours=1)


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """What is on record: when the service was last resumed, the subscription's end and promise, the choice."""

    resumed_at: datetime | None = None
    ended_at: datetime | None = None
    kept_until: datetime | None = None
    erasure_chosen_at: datetime | None = None
    erase_at: datetime | None = None

    @property
    def is_erasure(self) -> bool:
        """Whether the owner's choice holds. One from before the end was about an earlier one, which was taken back."""
        if self.ended_at is None or self.erasure_chosen_at is None or self.erase_at is None:
            return False
        is_after_return = self.resumed_at is None or self.erasure_chosen_at > self.resumed_at
        return is_after_return and self.erasure_chosen_at >= self.ended_at - _ENDS_SOON

    @property
    def delete_after(self) -> datetime | None:
        """Until when everything is kept; None while the subscription goes on."""
        if self.kept_until is None or self.erase_at is None or not self.is_erasure:
            return self.kept_until
        return min(self.kept_until, self.erase_at)


def erase_at(chosen_at: datetime, delay: timedelta, heard_at: datetime) -> datetime:
    """When what was chosen then is done, so that it can be taken back until then, however late the choice was heard."""
    return max(chosen_at + delay, heard_at + min(delay, _HEARD))
