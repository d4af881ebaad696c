import math
import re
from pathlib import Path
from random import Random

import pytest

from s4_invites.codes import WordsUnusable, nameplate_of, new_code, read_words


def test_a_code_is_a_number_and_two_words_that_any_client_takes() -> None:
    code = new_code(Random(7))
    assert re.fullmatch(r"[1-9]\d{8}-[a-z]{6}-[a-z]{6}", code)
    assert nameplate_of(code) == code[:9]


def test_a_thousand_codes_have_a_thousand_numbers_and_words() -> None:
    random = Random(7)
    codes = [new_code(random) for _ in range(1000)]
    assert len({nameplate_of(code) for code in codes}) == 1000
    assert len({code.partition("-")[2] for code in codes}) == 1000


def test_the_words_alone_are_worth_more_than_32_bits() -> None:
    random = Random(7)
    syllables = {word[at : at + 2] for _ in range(2000) for word in new_code(random).split("-")[1:] for at in (0, 2, 4)}
    assert 6 * math.log2(len(syllables)) > 32


def test_words_of_ones_own_are_used(tmp_path: Path) -> None:
    file = tmp_path / "words"
    file.write_text("\n".join(f"{a}{b}" for a in "abcdefghijklmnop" for b in "abcdefghijklmnop"))
    words = read_words(file)
    assert len(words) == 256
    assert set(new_code(Random(7), words).split("-")[1:]) <= set(words)
    assert read_words(None) == []


@pytest.mark.parametrize("text", ["", "one two", "Upper " * 300, "\udcff"])
def test_a_file_that_is_no_list_of_words_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "words"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(WordsUnusable):
        read_words(file)
