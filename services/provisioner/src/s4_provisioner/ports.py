"""Two ports for each grid, the same for ever: they are part of its furl."""

import re
import uuid

import msgspec

from s4_contracts.ids import GridId
from s4_runtime import SettingsError

_RANGE = re.compile(r"([0-9]{4,5})-([0-9]{4,5})")


class PortRange(msgspec.Struct, frozen=True):
    """The ports that grids have, first and last."""

    first: int
    last: int

    def of(self, grid_id: GridId) -> int:
        """The first of the grid's two ports; it follows from its id. Several grids may have the same."""
        return self.first + 2 * (uuid.UUID(grid_id).int % ((self.last - self.first + 1) // 2))


# What every grid had while each had a host alone: those grids have it for ever.
FORMER = PortRange(34561, 34562)


def read(text: str) -> PortRange:
    """The range that is written FIRST-LAST. Raises SettingsError."""
    match = _RANGE.fullmatch(text)
    if match is None or not 1024 <= int(match[1]) < int(match[2]) <= 65535:
        raise SettingsError(["S4_GRID_PORTS is not FIRST-LAST, from 1024 to 65535"])
    return PortRange(int(match[1]), int(match[2]))
