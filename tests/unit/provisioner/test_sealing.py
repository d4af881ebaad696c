import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4_provisioner.sealing import Seal, SealBroken, Sealed, SealKeyUnusable
from s4_runtime import Secret


def a_key() -> Secret:
    return Secret(base64.b64encode(os.urandom(32)).decode())


@given(st.binary(max_size=8000), st.text(max_size=50))
def test_what_was_sealed_for_an_owner_opens_for_that_owner(content: bytes, owner: str) -> None:
    seal = Seal(a_key())

    assert seal.open(seal.seal(content, owner), owner) == content


def test_an_envelope_moved_to_another_owners_row_does_not_open() -> None:
    seal = Seal(a_key())

    with pytest.raises(SealBroken, match="seal-broken"):
        seal.open(seal.seal(b"furl", "grid-1"), "grid-2")


def test_another_key_does_not_open_it_and_says_that_it_is_another() -> None:
    sealed = Seal(a_key()).seal(b"furl", "grid-1")

    with pytest.raises(SealBroken, match="sealed-with-another-key"):
        Seal(a_key()).open(sealed, "grid-1")


@given(st.data())
def test_one_changed_bit_anywhere_is_noticed(data: st.DataObject) -> None:
    seal = Seal(a_key())
    envelope = bytearray(seal.seal(b"all that makes a grid itself", "grid-1").envelope)
    bit = data.draw(st.integers(0, len(envelope) * 8 - 1))
    envelope[bit // 8] ^= 1 << bit % 8

    with pytest.raises(SealBroken):
        seal.open(Sealed(bytes(envelope)), "grid-1")


def test_a_truncated_envelope_is_noticed() -> None:
    seal = Seal(a_key())
    envelope = seal.seal(b"x", "grid-1").envelope

    for length in range(len(envelope)):
        with pytest.raises(SealBroken):
            seal.open(Sealed(envelope[:length]), "grid-1")


def test_the_same_content_never_gives_the_same_envelope() -> None:
    seal = Seal(a_key())

    assert len({seal.seal(b"same", "grid-1").envelope for _ in range(50)}) == 50


def test_an_envelope_holds_nothing_of_the_content_in_the_clear() -> None:
    assert b"pb://" not in Seal(a_key()).seal(b"pb://" * 100, "grid-1").envelope


def test_a_sealed_value_shows_nothing_of_itself() -> None:
    sealed = Seal(a_key()).seal(b"content", "grid-1")

    assert repr(sealed) == str(sealed) == f"{sealed}" == "Sealed(…)"


@pytest.mark.parametrize("text", ["short", base64.b64encode(b"x" * 31).decode(), "*" * 44, "é" * 44])
def test_a_key_that_is_not_32_bytes_in_base64_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(SealKeyUnusable) as refused:
        Seal(Secret(text))

    assert text not in str(refused.value)
