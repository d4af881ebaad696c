import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4_runtime import money


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (2500, "usd", "$25"),
        (2550, "USD", "$25.50"),
        (5, "eur", "€0.05"),
        (-1250, "eur", "-€12.50"),
        (123456789, "gbp", "£1,234,567.89"),
        (98000, "sek", "980 SEK"),
        (-98050, "sek", "-980.50 SEK"),
        (2500, "jpy", "2,500 JPY"),
        (2500, "krw", "2,500 KRW"),
        (5120, "kwd", "5.120 KWD"),
        (5000, "bhd", "5 BHD"),
        (0, "usd", "$0"),
    ],
)
def test_an_amount_is_written_with_its_currency(amount: int, currency: str, words: str) -> None:
    assert money(amount, currency) == words


@pytest.mark.parametrize("currency", ["isk", "ugx"])
def test_a_currency_that_lost_its_cents_is_still_counted_in_them_by_stripe(currency: str) -> None:
    assert money(50000, currency) == f"500 {currency.upper()}"


@given(amount=st.integers(), digits=st.sampled_from([("usd", 2), ("xof", 0), ("tnd", 3)]))
def test_no_amount_loses_a_unit_by_being_written(amount: int, digits: tuple[str, int]) -> None:
    currency, count = digits
    number = "".join(sign for sign in money(amount, currency) if sign in "-.0123456789")
    whole, _, part = number.partition(".")
    assert int(whole + part.ljust(count, "0")) == amount
