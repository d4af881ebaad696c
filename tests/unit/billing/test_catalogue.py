"""The catalogue's file, and how a plan can differ from its price."""

from pathlib import Path

import msgspec
import pytest

from s4_billing.catalogue import Plan, differences, read
from s4_runtime import Permanent
from s4_stripe.facts import Price, Recurring

PRICE = Price("price_1", "usd", lookup_key="key", unit_amount=2500, recurring=Recurring("month"))


def plan() -> Plan:
    return msgspec.structs.replace(read(None)["personal"], lookup_key="key")


def test_the_packaged_catalogue_can_be_read() -> None:
    assert read(None)["personal"].amount > 0


def test_a_price_that_fits_does_not_differ() -> None:
    assert differences(plan(), PRICE) == []


@pytest.mark.parametrize(
    ("price", "told"),
    [
        (msgspec.structs.replace(PRICE, unit_amount=2600), "amount is 2600, not 2500"),
        (msgspec.structs.replace(PRICE, unit_amount=None), "amount is None, not 2500"),
        (msgspec.structs.replace(PRICE, currency="eur"), "currency is eur, not usd"),
        (msgspec.structs.replace(PRICE, recurring=Recurring("year")), "interval is year, not month"),
        (msgspec.structs.replace(PRICE, recurring=Recurring("month", 3)), "interval count is 3, not 1"),
        (msgspec.structs.replace(PRICE, recurring=None), "interval is once, not month"),
        (None, "no active price with lookup key key"),
    ],
)
def test_a_difference_is_said_in_words(price: Price | None, told: str) -> None:
    assert differences(plan(), price) == [told]


@pytest.mark.parametrize("text", ["", "not toml", "[x]\nname = 1", "x = 1", "[x]\nname = 'only'", "\udcff"])
def test_a_file_that_is_no_catalogue_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plans.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(Permanent):
        read(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Permanent):
        read(tmp_path / "none.toml")
