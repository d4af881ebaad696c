"""How the host says no to what it is told on stdin."""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

GRID_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SHARD = re.compile(r"[a-z0-9][a-z0-9-]{0,19}")


class Refused(ValueError):
    """What was told is wrong: `problems` name every field that is, never what was in it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def require_grid_id(text: str) -> str:
    """The text, which is a UUID in lower case and hence a harmless file name; raises Refused."""
    if not GRID_ID.fullmatch(text):
        raise Refused(["grid_id: not a UUID in lower case"])
    return text


def unknown(where: str, fields: Mapping[str, Any], known: AbstractSet[str]) -> list[str]:
    """One problem for all unknown fields. Their names come from outside and may be anything: their number is told."""
    return [f"{where}unknown fields: {count}"] if (count := len(fields.keys() - known)) else []
