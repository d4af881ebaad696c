"""Which hosts there are to be for which plans: read from the settings, checked whole."""

from datetime import timedelta
from typing import Literal

import msgspec

from s4_runtime import SettingsError

Isolation = Literal["host", "process", "shard"]
# MiB that one more grid costs a host that is shared, by measurement (docs/benchmarks.md, "Density").
GRID_MIB: dict[str, float] = {"host": 0.0, "process": 90.0, "shard": 1.5}


class Pool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hosts of one kind.

    ``isolation``: a grid gets a host, a process, or a place in a process to itself. ``capacity``: grids that a host
    takes at most, ``memory_mib``: what it has for them. ``warm``: empty hosts that stand ready. ``max_age``: how old a
    host becomes before its grids move to a newer one. ``zones``: empty leaves the choice to the driver.
    """

    driver: Literal["ec2", "kubernetes"] = "ec2"
    region: str = ""
    zones: list[str] = []
    image: str = ""
    instance_type: str = ""
    disk_gib: int = 16
    isolation: Isolation = "host"
    capacity: int = 1
    memory_mib: int = 1600
    grids_per_shard: int = 50
    warm: int = 0
    max_age: timedelta | None = timedelta(days=90)

    @property
    def slots(self) -> int:
        """How many grids a host of the pool takes, by number and by memory."""
        if self.isolation == "host":
            return 1
        return min(self.capacity, int(self.memory_mib / GRID_MIB[self.isolation]))

    def slots_in(self, memory_mib: int | None) -> int:
        """The same of a host that said that it has so much for grids: fewer if it is smaller than the pool says."""
        if self.isolation == "host" or memory_mib is None:
            return self.slots
        return max(1, min(self.slots, int(memory_mib / GRID_MIB[self.isolation])))


class Fleet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All pools, and which plan is served from which; plans that are not named are served from ``otherwise``."""

    pools: dict[str, Pool]
    plans: dict[str, str] = {}
    otherwise: str

    def pool_of(self, plan: str) -> str:
        """The name of the plan's pool."""
        return self.plans.get(plan, self.otherwise)

    def plans_of(self, pool: str) -> list[str]:
        """The plans that are named as served from the pool."""
        return sorted(plan for plan, name in self.plans.items() if name == pool)

    def spec(self, pool: str) -> Pool:
        """The pool of this name; one that is not in the settings any more is as the usual one, but takes no grid."""
        return self.pools.get(pool) or msgspec.structs.replace(self.pools[self.otherwise], warm=0)


def read(text: str, usual: Pool) -> Fleet:
    """The fleet of the setting's JSON; without any, one pool of dedicated hosts. Raises SettingsError.

    What a pool does not say of region, image and instance type is as in ``usual``.
    """
    if not text:
        return Fleet(pools={"dedicated": usual}, otherwise="dedicated")
    try:
        fleet = msgspec.json.decode(text, type=Fleet)
    except msgspec.DecodeError as error:
        raise SettingsError([f"S4_FLEET: {error}"]) from None
    pools = {
        name: msgspec.structs.replace(
            pool,
            region=pool.region or usual.region,
            image=pool.image or usual.image,
            instance_type=pool.instance_type or usual.instance_type,
        )
        for name, pool in fleet.pools.items()
    }
    problems = [
        f"S4_FLEET: no pool is called {name}" for name in {*fleet.plans.values(), fleet.otherwise} if name not in pools
    ]
    problems += [
        f"S4_FLEET: a host of pool {name} is shared, and takes fewer than two grids"
        for name, pool in pools.items()
        if pool.isolation != "host" and pool.slots < 2
    ]
    if problems:
        raise SettingsError(sorted(problems))
    return msgspec.structs.replace(fleet, pools=pools)
