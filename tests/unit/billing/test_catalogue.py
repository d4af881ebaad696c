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
        (
            msgspec.structs.replace(PRICE, recurring=Recurring("month", usage_type="metered")),
            "usage is metered, not licensed",
        ),
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


def test_amounts_of_two_currencies_are_not_compared() -> None:
    """2500 is $25, ¥2,500 and 2.500 KWD: that the numbers agree says nothing."""
    yen = msgspec.structs.replace(PRICE, currency="jpy", unit_amount=2600)
    assert differences(plan(), yen) == ["currency is jpy, not usd"]


def test_where_tax_is_added_the_price_must_say_that_it_is_without() -> None:
    for told in ("inclusive", "unspecified", None):
        price = msgspec.structs.replace(PRICE, tax_behavior=told)
        assert differences(plan(), price, tax_extra=True) == [f"tax is {told}, not exclusive"]
        assert differences(plan(), price) == []
    assert differences(plan(), msgspec.structs.replace(PRICE, tax_behavior="exclusive"), tax_extra=True) == []


PLAN = """
[one]
name = "One"
description = "The first."
lookup_key = "one-1"
amount = 2500
currency = "usd"
interval = "month"
quota_bytes = 1000
region = "eu-central-1"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "plans.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("amount = 2500", "amount = 0"),
        ("amount = 2500", "amount = -2500"),
        ("amount = 2500", "amount = 25.00"),
        ("amount = 2500", "amount = 100_000_000"),
        ('currency = "usd"', 'currency = "USD"'),
        ('currency = "usd"', 'currency = "dollars"'),
        ('interval = "month"', 'interval = "week"'),
        ("quota_bytes = 1000", "quota_bytes = 0"),
        ("quota_bytes = 1000", "quota_bytes = 1000\ntrial_days = -1"),
        ("quota_bytes = 1000", "quota_bytes = 1000\ntrial_days = 731"),
    ],
)
def test_a_plan_that_could_not_be_charged_is_refused(tmp_path: Path, old: str, new: str) -> None:
    assert old in PLAN
    assert read(written(tmp_path, PLAN))["one"].trial_days == 0
    with pytest.raises(Permanent):
        read(written(tmp_path, PLAN.replace(old, new)))


@pytest.mark.parametrize(
    ("currency", "amount", "is_sold"),
    [("jpy", 2501, True), ("kwd", 5120, True), ("kwd", 5125, False), ("isk", 250_000, True), ("isk", 250_010, False)],
)
def test_an_amount_has_the_steps_of_its_currency(tmp_path: Path, currency: str, amount: int, *, is_sold: bool) -> None:
    path = written(tmp_path, PLAN.replace("2500", str(amount)).replace("usd", currency))
    if is_sold:
        assert read(path)["one"].amount == amount
    else:
        with pytest.raises(Permanent, match="must end in a zero"):
            read(path)


def test_two_plans_have_two_prices(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="two plans have one lookup key"):
        read(written(tmp_path, PLAN + PLAN.replace("[one]", "[two]")))


def test_a_year_is_compared_by_the_month() -> None:
    yearly = msgspec.structs.replace(plan(), amount=24_000, interval="year")
    assert yearly.monthly == 2000 < plan().monthly
