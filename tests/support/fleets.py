"""Fleets for tests: what S4_FLEET says, and a look at what a pool has."""

import json
from typing import Any

from s4_store import Pool

_HOSTS = """
select h.stage, h.wanted, exists (select from grids where host_id = h.id) as has_grids,
    exists (select from departures where host_id = h.id) as has_left
from hosts h where pool = $1
"""


def a_fleet(otherwise: str = "alone", plans: dict[str, str] | None = None, **pools: dict[str, Any]) -> str:
    """The setting; `alone` is a pool of dedicated hosts, with none in stock unless it is given."""
    return json.dumps({"pools": {"alone": {}, **pools}, "plans": plans or {}, "otherwise": otherwise})


async def standing(pool: Pool, name: str) -> dict[str, int]:
    """How many hosts a pool has: empty ones that are ready, empty ones that are coming, and those with grids."""
    found = {"ready": 0, "coming": 0, "taken": 0}
    for row in await pool.fetch(_HOSTS, name):
        if row["wanted"] != "open" or row["stage"] in {"failed", "release", "gone"}:
            continue
        is_taken = row["has_grids"] or row["has_left"]
        found["taken" if is_taken else "ready" if row["stage"] == "ready" else "coming"] += 1
    return found
