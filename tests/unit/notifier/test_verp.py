"""Addresses for what comes back: one for each letter, of our own making."""

import msgspec
import pytest

from s4_notifier.returns.verp import Returns
from s4_notifier.settings import Settings
from s4_runtime import Secret
from s4_shop.keys import signing_key

LETTER = "0190d3a0-0000-7000-8000-000000000001"


def settings() -> Settings:
    return Settings(
        database_url=Secret("unused"),
        amqp_url=Secret("unused"),
        deployment="test",
        smtp_host="mail.example",
        smtp_port=587,
        smtp_user="letters",
        smtp_password=Secret("unused"),
        mail_from="S4 <hello@s4.example>",
        public_url="https://s4.example",
        claim_private_key=Secret(signing_key()),
    )


SETTINGS = settings()
RETURNS = Returns(SETTINGS)


def test_an_address_names_its_letter_in_whatever_case_it_comes_back() -> None:
    address = RETURNS.address(LETTER)
    assert address.endswith("@s4.example")
    assert len(address.partition("@")[0]) <= 64  # RFC 5321, section 4.5.3.1.1
    for seen in (address, address.upper(), address.lower(), address.replace("@s4", "@S4")):
        assert RETURNS.letter_of(seen) == LETTER


def test_reports_may_have_a_domain_of_their_own() -> None:
    elsewhere = Returns(msgspec.structs.replace(SETTINGS, reports_domain="back.s4.example"))
    address = elsewhere.address(LETTER)
    assert address.endswith("@back.s4.example")
    assert elsewhere.letter_of(address) == LETTER
    assert RETURNS.letter_of(address) is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@",
        "bounces+@s4.example",
        "hello@s4.example",
        "postmaster@s4.example",
        f"bounces+{LETTER}@s4.example",
        f"bounces+{LETTER}.@s4.example",
        f"bounces+{LETTER}.0000000000000000@s4.example",
        RETURNS.address(LETTER).replace(LETTER, "0190d3a0-0000-7000-8000-000000000002"),
        RETURNS.address(LETTER).replace("@s4.example", "@elsewhere.example"),
        RETURNS.address(LETTER) + ".example",
        "%" + RETURNS.address(LETTER),
        f"elsewhere.example!{RETURNS.address(LETTER)}",
        "bounces+" + "a" * 100_000,
        "\u0661" * 80,
    ],
    ids=[f"address-{number}" for number in range(15)],  # the key, and with it what they hold, is another in each worker
)
def test_an_address_that_we_did_not_make_is_none(address: str) -> None:
    assert RETURNS.letter_of(address) is None


def test_another_key_makes_other_addresses() -> None:
    other = Returns(settings())
    assert other.address(LETTER) != RETURNS.address(LETTER)
    assert other.letter_of(RETURNS.address(LETTER)) is None
