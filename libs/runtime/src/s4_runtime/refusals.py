"""Why an operator's wish is refused, and by which HTTP status."""

from s4_runtime.errors import Permanent, Temporary


class NotThere(Permanent):
    """There is nothing of this name."""


class NotNow(Permanent):
    """It cannot be done as things are. The code says why."""


class WrongWish(Permanent):
    """What was asked for is not what this route takes."""


STATUSES = {NotThere: 404, NotNow: 409, WrongWish: 400, Permanent: 409, Temporary: 503}
