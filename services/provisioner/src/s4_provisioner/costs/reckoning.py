"""What a grid costs in a month. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from s4_provisioner.costs.prices import Prices

HOURS = 730  # of a month, as AWS reckons
_GB = 10**9
_HOST, _STORAGE, _REQUESTS, _NAME = "host", "storage", "requests", "name"


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What a grid uses. ``residents``: grids that share its host; None of ``instance_type`` for one without a host.

    ``requests`` of a month, to read and to write, where they are known.
    """

    grid_id: str
    plan: str
    account_id: str
    instance_type: str | None
    disk_gib: int
    residents: int
    stored_bytes: int | None
    has_name: bool
    reads: int | None = None
    writes: int | None = None


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What it costs in a month, in parts; a part that is not known is None, and not in the total."""

    grid_id: str
    plan: str
    account_id: str
    parts: dict[str, float | None]

    @property
    def total(self) -> float:
        """Of what is known."""
        return sum(part for part in self.parts.values() if part is not None)


def cost(spent: Spent, prices: Prices, names: int) -> Cost:
    """The grid's share of its host, what it stores, and its name, of which there are so many in all."""
    stored = spent.stored_bytes
    return Cost(
        grid_id=spent.grid_id,
        plan=spent.plan,
        account_id=spent.account_id,
        parts={
            _HOST: _host(spent, prices),
            _STORAGE: None if stored is None else stored / _GB * prices.storage_gb_month,
            _REQUESTS: _requests(spent, prices),
            _NAME: _name(prices, names) if spent.has_name else 0.0,
        },
    )


def _host(spent: Spent, prices: Prices) -> float | None:
    if spent.instance_type is None:
        return 0.0
    hour = prices.host_hour.get(spent.instance_type)
    if hour is None:
        return None
    whole = (hour + prices.address_hour) * HOURS + spent.disk_gib * prices.disk_gb_month
    return whole / max(1, spent.residents)


def _requests(spent: Spent, prices: Prices) -> float | None:
    if spent.reads is None or spent.writes is None:
        return None
    return (spent.reads * prices.read_requests_1000 + spent.writes * prices.write_requests_1000) / 1000


def _name(prices: Prices, names: int) -> float:
    """One zone and its records, shared alike."""
    dear = max(0, names - prices.records_free) * prices.record_month
    return (prices.zone_month + dear) / max(1, names)


def by_plan(costs: Sequence[Cost]) -> list[dict[str, Any]]:
    """How many grids of each plan there are, what they cost together, and each on average."""
    plans: dict[str, list[Cost]] = defaultdict(list)
    for each in costs:
        plans[each.plan].append(each)
    return [
        {
            "plan": plan,
            "grids": len(found),
            "total": round(sum(each.total for each in found), 4),
            "each": round(sum(each.total for each in found) / len(found), 4),
            "unknown": sum(None in each.parts.values() for each in found),
        }
        for plan, found in sorted(plans.items())
    ]
