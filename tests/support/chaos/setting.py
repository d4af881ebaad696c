"""A deployment in which everything goes quickly: two pools, few ports, and short patience."""

from datetime import timedelta
from typing import Any

from support.fleets import a_fleet

SETTINGS: dict[str, Any] = {
    "fleet": a_fleet(
        plans={"studio": "shared"},
        shared={"isolation": "shard", "capacity": 3, "grids_per_shard": 2, "warm": 1, "max_age": None},
        alone={"max_age": None},
    ),
    # Few, so that two grids often have the same.
    "grid_ports": "34000-34007",
    "lease": timedelta(seconds=1),
    "patience": timedelta(seconds=1),
    "boot_limit": timedelta(seconds=20),
    "look_every": timedelta(milliseconds=300),
    "check_every": timedelta(seconds=1),
    "report_every": timedelta(seconds=2),
    "silent_limit": timedelta(seconds=1),
    "impaired_limit": timedelta(seconds=1),
    "grid_look_every": timedelta(seconds=1),
    "failing_look_every": timedelta(milliseconds=300),
    "mend_limit": timedelta(seconds=2),
    "breaker_rest": timedelta(seconds=1),
    "breaker_calm": timedelta(milliseconds=300),
    "breaker_window": timedelta(seconds=2),
    # Time is put forward, and the machines' clocks are not.
    "clock_skew_limit": timedelta(hours=12),
}
