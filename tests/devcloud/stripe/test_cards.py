from datetime import UTC, datetime

import pytest

from s4_devcloud.stripe.cards import (
    _TEST_METHODS,
    CardRejected,
    Issuers,
    card_of_test_mode,
    decline_of,
    passes_luhn,
    wants_cardholder,
)

NOW = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp())


def wrong_fields(number: str = "4242424242424242", expiry: str = "12/34", cvc: str = "123") -> dict[str, str]:
    with pytest.raises(CardRejected) as rejected:
        Issuers().read(number, expiry, cvc, NOW)
    return rejected.value.problems


def test_a_card_keeps_no_number() -> None:
    card = Issuers().read("4242 4242 4242 4242", "01/30", "123", NOW)
    assert "4242424242424242" not in repr(card)
    assert (card.brand, card.last4, card.exp_month, card.exp_year) == ("visa", "4242", 1, 2030)


def test_the_same_number_has_the_same_fingerprint_however_it_is_spaced() -> None:
    issuers = Issuers()
    one = issuers.read("4242 4242 4242 4242", "01/30", "123", NOW)
    assert one.fingerprint == issuers.read("4242424242424242", "02/2031", "999", NOW).fingerprint


@pytest.mark.parametrize("number", ["", "4242", "4242 4242 4242 424x", "\uff14242424242424242", "card"])
def test_a_number_that_is_too_short_or_not_a_number_is_incomplete(number: str) -> None:
    assert wrong_fields(number=number) == {"number": "Your card number is incomplete."}


@pytest.mark.parametrize("number", ["4242 4242 4242 4241", "4242 4242 4242 4242 4"])
def test_a_number_whose_check_digit_is_wrong_is_invalid(number: str) -> None:
    assert wrong_fields(number=number) == {"number": "Your card number is invalid."}


@pytest.mark.parametrize("expiry", ["", "13/30", "0/30", "12", "ab/cd", "12/345"])
def test_an_expiry_date_that_is_none_is_incomplete(expiry: str) -> None:
    assert wrong_fields(expiry=expiry) == {"expiry": "Your card's expiration date is incomplete."}


@pytest.mark.parametrize("expiry", ["10/26", "12/25", "01 / 2020"])
def test_a_card_of_the_past_is_refused(expiry: str) -> None:
    assert wrong_fields(expiry=expiry) == {"expiry": "Your card's expiration date is in the past."}


def test_a_card_is_good_to_the_end_of_its_month() -> None:
    assert Issuers().read("4242424242424242", "11/26", "123", NOW).exp_month == 11


@pytest.mark.parametrize(
    ("number", "cvc"), [("4242424242424242", "12"), ("378282246310005", "123"), ("5555555555554444", "x")]
)
def test_the_security_code_has_as_many_digits_as_the_brand_wants(number: str, cvc: str) -> None:
    assert wrong_fields(number=number, cvc=cvc) == {"cvc": "Your card's security code is incomplete."}


def test_every_wrong_field_is_named_at_once() -> None:
    assert set(wrong_fields("1", "1", "1")) == {"number", "expiry", "cvc"}


def test_a_real_looking_card_that_is_no_test_card_is_declined() -> None:
    card = Issuers().read("4000 0000 0000 0010", "12/34", "123", NOW)
    decline = decline_of(card.behaviour)
    assert decline is not None
    assert decline.decline_code == "test_mode_live_card"


def test_all_published_numbers_pass_the_check_digit() -> None:
    assert all(passes_luhn(number) for number in Issuers().known())


def test_each_payment_method_of_the_test_mode_is_a_published_card() -> None:
    issuers = Issuers()
    for name in _TEST_METHODS:
        card = card_of_test_mode(name)
        assert card is not None
        number = next(number for number in issuers.known() if issuers.read(number, "12/34", cvc(number), NOW) == card)
        assert number.endswith(card.last4)
    assert card_of_test_mode("pm_1") is None


def cvc(number: str) -> str:
    return "1234" if len(number) == 15 else "123"


def test_most_issuers_ask_the_cardholder_once_and_some_each_time() -> None:
    assert [wants_cardholder("authenticate", off_session=away) for away in (False, True)] == [True, False]
    assert [wants_cardholder("always_authenticate", off_session=away) for away in (False, True)] == [True, True]
    assert not wants_cardholder("ok")


def test_the_codes_of_refusals_are_those_of_stripe() -> None:
    generic, broke, expired = (
        decline_of("generic_decline"),
        decline_of("insufficient_funds"),
        decline_of("expired_card"),
    )
    assert generic is not None
    assert broke is not None
    assert expired is not None
    assert (generic.code, generic.decline_code) == ("card_declined", "generic_decline")
    assert (broke.code, broke.message) == ("card_declined", "Your card has insufficient funds.")
    assert (expired.code, expired.decline_code) == ("expired_card", None)
    assert decline_of("ok") is None


def test_an_issuer_can_be_told_to_change_its_mind_and_back() -> None:
    issuers = Issuers()
    issuers.behave("4242 4242 4242 4242", "lost_card")
    assert issuers.read("4242424242424242", "12/34", "123", NOW).behaviour == "lost_card"
    issuers.reset()
    assert issuers.read("4242424242424242", "12/34", "123", NOW).behaviour == "ok"
