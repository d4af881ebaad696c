"""What things cost, as somebody has written down, with the source and the date."""

from pathlib import Path
from typing import Annotated

import msgspec

from s4_provisioner.fleet.pools import Fleet
from s4_runtime import Permanent, SettingsError

Amount = Annotated[float, msgspec.Meta(ge=0)]


class PricesUnusable(Permanent):
    """The file of prices is not there, or not as it should be."""


class Prices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In one currency. A month has 730 hours, as on AWS's bill. ``source`` and ``date``: of each price, for a person.

    ``host_hour`` by instance type; a host of a type that is not named has no known price. ``records_free``: how many
    records of a zone cost nothing.
    """

    currency: str
    date: str
    source: dict[str, str]
    host_hour: dict[str, Amount]
    address_hour: Amount = 0.0
    disk_gb_month: Amount = 0.0
    storage_gb_month: Amount = 0.0
    write_requests_1000: Amount = 0.0
    read_requests_1000: Amount = 0.0
    zone_month: Amount = 0.0
    records_free: int = 10_000
    record_month: Amount = 0.0


def read(path: Path | None) -> Prices | None:
    """The prices of the file; None without one. Raises PricesUnusable."""
    if path is None:
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Prices)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        raise PricesUnusable("prices-unusable", setting="S4_PRICES") from None


def check(path: Path | None) -> None:
    """Raises SettingsError for a file that is not as it should be."""
    try:
        read(path)
    except PricesUnusable:
        raise SettingsError(["S4_PRICES does not name a file of prices"]) from None


def unknown(prices: Prices, fleet: Fleet) -> list[str]:
    """Instance types of pools that have no price."""
    types = {pool.instance_type for pool in fleet.pools.values() if pool.driver == "ec2"}
    return sorted(types - prices.host_hour.keys())
