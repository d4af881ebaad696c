"""Words that the tests of machines share."""

import secrets
from collections.abc import Callable

from s4_devcloud.machines import Machine

Boot = Callable[..., Machine]


def new_id() -> str:
    """An id like those of instances."""
    return f"i-{secrets.token_hex(8)}0"
