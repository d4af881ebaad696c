"""Addresses of mail and of machines."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4_web.address import client_address, email_of, masked, neighbourhood

PROXIES = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ada@example.com", "ada@example.com"),
        ("Ada.Lovelace+grid@EXAMPLE.com", "Ada.Lovelace+grid@example.com"),
        ("ada@bücher.example.com", "ada@xn--bcher-kva.example.com"),
        ("o'hara@example.co.uk", "o'hara@example.co.uk"),
    ],
)
def test_a_usable_address_is_kept_in_one_form(typed: str, kept: str) -> None:
    assert email_of(typed) == kept


@pytest.mark.parametrize(
    "typed", ["", "ada", "a@b", "a@b@example.com", "a b@example.com", "a@example.com\n", "a@" + "b." * 130 + "com"]
)
def test_an_address_that_no_letter_could_reach_is_none(typed: str) -> None:
    assert email_of(typed) is None


@given(st.text(max_size=300))
def test_whatever_is_typed_the_kept_address_fits_into_a_header(typed: str) -> None:
    kept = email_of(typed)
    assert kept is None or (kept.isascii() and kept.isprintable() and " " not in kept and len(kept) <= 254)


@pytest.mark.parametrize("email", ["ada@example.com", "a@example.com", "adalovelace@example.com"])
def test_a_masked_address_tells_nothing_of_the_length(email: str) -> None:
    assert masked(email) == "a•••@example.com"


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["<script>"], "unknown"),
        ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
        (None, ["198.51.100.1"], "unknown"),
    ],
)
def test_an_address_is_believed_only_from_our_own_proxies(peer: str | None, forwarded: list[str], found: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == found


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::7", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_who_owns_a_network_is_counted_once(address: str, counted: str) -> None:
    assert neighbourhood(address) == counted
