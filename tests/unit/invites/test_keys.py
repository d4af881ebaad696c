import pytest

from s4_invites import keys

CODE = "123456789-bababa-dododo"


def test_who_has_the_same_code_has_the_same_key_and_nobody_else_has() -> None:
    ours, theirs, wrong = keys.begin(CODE), keys.begin(CODE), keys.begin(CODE + "x")
    key = keys.shared_key(ours, theirs.element)
    assert key == keys.shared_key(theirs, ours.element)
    assert key != keys.shared_key(ours, wrong.element)
    assert keys.shared_key(wrong, ours.element) != keys.shared_key(ours, wrong.element)


def test_what_one_side_said_in_a_phase_is_read_as_that_and_as_nothing_else() -> None:
    key, other = b"k" * 32, b"o" * 32
    body = keys.encrypt(key, "side", "0", b"hello")
    assert keys.decrypt(key, "side", "0", body) == b"hello"
    for wrong in ((other, "side", "0"), (key, "edis", "0"), (key, "side", "1")):
        with pytest.raises(keys.WrongKey):
            keys.decrypt(*wrong, body)


@pytest.mark.parametrize("body", [b"", b"short", b"\x00" * 100])
def test_what_is_no_message_was_not_made_with_the_key(body: bytes) -> None:
    with pytest.raises(keys.WrongKey):
        keys.decrypt(b"k" * 32, "side", "0", body)


def test_the_same_words_twice_are_two_messages_on_the_wire() -> None:
    assert keys.encrypt(b"k" * 32, "s", "0", b"hello") != keys.encrypt(b"k" * 32, "s", "0", b"hello")


@pytest.mark.parametrize(
    "element",
    [
        b"",
        b"S",
        b"A" + b"\x01" * 32,
        b"S" + b"\x00" * 32,
        b"S" + b"\xff" * 32,
        b"S" + b"\x01" + b"\x00" * 31,
        b"S" * 99,
    ],
)
def test_what_is_no_element_makes_no_key(element: bytes) -> None:
    with pytest.raises(keys.NoElement):
        keys.shared_key(keys.begin(CODE), element)


def test_our_own_element_sent_back_to_us_makes_no_key() -> None:
    half = keys.begin(CODE)
    with pytest.raises(keys.NoElement):
        keys.shared_key(half, half.element)


def test_the_first_message_is_written_and_read_as_other_wormholes_do() -> None:
    assert keys.write_element(b"S\x01") == b'{"pake_v1": "5301"}'
    assert keys.read_element(b'{"pake_v1": "5301", "more": 1}') == b"S\x01"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"pake_v1": 5}', b'{"pake_v1": "xy"}', b"\xff", b"[" * 100_000])
def test_nonsense_is_no_first_message(body: bytes) -> None:
    with pytest.raises(keys.NoElement):
        keys.read_element(body)
