"""What a grid costs, by prices in a file."""

from pathlib import Path

import pytest

from s4_provisioner.costs import prices as price_file
from s4_provisioner.costs.prices import Prices, PricesUnusable
from s4_provisioner.costs.reckoning import HOURS, Spent, by_plan, cost
from s4_provisioner.fleet.pools import Fleet, Pool

EXAMPLE = Path(__file__).parents[4] / "docs/operations/prices.example.json"


def some_prices(**changed: object) -> Prices:
    usual = {
        "currency": "USD", "date": "2026-01-01", "source": {}, "host_hour": {"small": 0.01}, "disk_gb_month": 0.1,
        "storage_gb_month": 0.02, "zone_month": 0.5, "records_free": 10, "record_month": 0.01,
    }  # fmt: skip
    return Prices(**usual | changed)  # type: ignore[arg-type]  # as the struct has them


def spent(**changed: object) -> Spent:
    usual = {
        "grid_id": "g", "plan": "personal", "account_id": "a", "instance_type": "small", "disk_gib": 10,
        "residents": 1, "stored_bytes": 10**12, "has_name": True,
    }  # fmt: skip
    return Spent(**usual | changed)  # type: ignore[arg-type]  # as the struct has them


def test_a_grid_alone_on_its_host_pays_all_of_it() -> None:
    parts = cost(spent(), some_prices(), names=1).parts
    assert parts == pytest.approx({"host": 0.01 * HOURS + 1.0, "storage": 20.0, "requests": None, "name": 0.5})


def test_grids_of_one_host_share_what_it_costs() -> None:
    alone, shared = (cost(spent(residents=number), some_prices(), names=1).parts["host"] for number in (1, 50))
    assert alone
    assert shared == pytest.approx(alone / 50)


def test_the_address_of_a_host_costs_by_the_hour() -> None:
    assert cost(spent(disk_gib=0), some_prices(address_hour=0.005), names=1).parts["host"] == pytest.approx(
        0.015 * HOURS
    )


def test_a_grid_without_a_host_costs_what_it_stores() -> None:
    parts = cost(spent(instance_type=None, has_name=False), some_prices(), names=1).parts
    assert (parts["host"], parts["name"], parts["storage"]) == (0.0, 0.0, 20.0)


def test_what_is_not_known_is_not_taken_for_nothing() -> None:
    found = cost(spent(instance_type="huge", stored_bytes=None), some_prices(), names=1)
    assert (found.parts["host"], found.parts["storage"]) == (None, None)
    assert found.total == pytest.approx(0.5)
    assert by_plan([found])[0]["unknown"] == 1


def test_requests_cost_by_the_thousand_where_they_are_known() -> None:
    prices = some_prices(read_requests_1000=0.4, write_requests_1000=5.0)
    assert cost(spent(reads=2000, writes=1000), prices, names=1).parts["requests"] == pytest.approx(5.8)


def test_names_share_their_zone_and_the_records_that_cost() -> None:
    assert cost(spent(), some_prices(), names=10).parts["name"] == pytest.approx(0.05)
    assert cost(spent(), some_prices(), names=110).parts["name"] == pytest.approx((0.5 + 100 * 0.01) / 110)


def test_plans_have_totals() -> None:
    costs = [cost(spent(plan=plan), some_prices(), names=2) for plan in ("b", "a", "b")]
    rows = by_plan(costs)
    assert [(row["plan"], row["grids"]) for row in rows] == [("a", 1), ("b", 2)]
    assert rows[1]["total"] == pytest.approx(2 * rows[1]["each"], abs=0.001)


def test_the_example_has_a_source_and_a_date_for_each_price() -> None:
    prices = price_file.read(EXAMPLE)
    assert prices
    priced = {name for name in Prices.__struct_fields__ if name.endswith(("_hour", "_month", "_1000"))}
    assert prices.source.keys() == priced
    assert all(prices.date in source for source in prices.source.values())


def test_a_type_without_a_price_is_named() -> None:
    fleet = Fleet(pools={"a": Pool(instance_type="small"), "b": Pool(instance_type="huge")}, otherwise="a")
    assert price_file.unknown(some_prices(), fleet) == ["huge"]


def test_a_file_that_is_no_list_of_prices_is_refused(tmp_path: Path) -> None:
    assert price_file.read(None) is None
    for text in ("", "{}", '{"currency": "USD", "date": "x", "source": {}, "host_hour": {"a": -1}}'):
        (tmp_path / "prices.json").write_text(text)
        with pytest.raises(PricesUnusable):
            price_file.read(tmp_path / "prices.json")
    with pytest.raises(PricesUnusable):
        price_file.read(tmp_path / "absent.json")
