"""Numbers as people read them, and the table of refusals."""

import re
from pathlib import Path

import pytest

import s4_web
from s4_runtime.words import size
from s4_web.troubles import read_words
from s4_web.words import at_least, duration, price

SOURCE = Path(s4_web.__file__).parent


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (2500, "usd", "$25"),
        (2550, "USD", "$25.50"),
        (5, "eur", "€0.05"),
        (123456789, "gbp", "£1,234,567.89"),
        (98000, "sek", "980 SEK"),
        (2500, "jpy", "2,500 JPY"),
        (0, "usd", "$0"),
    ],
)
def test_a_price_is_written_with_its_currency(amount: int, currency: str, words: str) -> None:
    assert price(amount, currency) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (250_000_000_000, "250 GB"),
        (1_500_000_000_000, "1.5 TB"),
        (10**16, "10 PB"),
    ],
)
def test_a_size_is_written_in_decimal_units(count: int, words: str) -> None:
    assert size(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0.0 s"), (1.26, "1.3 s"), (59.9, "59.9 s"), (61.7, "1 min 1 s"), (7260, "2 h 1 min")]
)
def test_a_time_is_as_exact_as_it_is_short(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_every_code_that_is_raised_has_its_words() -> None:
    raised = set()
    for path in SOURCE.rglob("*.py"):
        raised |= set(re.findall(r'(?:Refused|PeerUnavailable|__init__)\("([a-z-]+)"(?: if|\))', path.read_text()))
    shown_by_claim_again = {"claim-ref-stale", "grid-gone"}
    assert raised
    assert raised - shown_by_claim_again - set(read_words()) == set()


def test_every_refusal_says_that_nothing_was_lost_or_where_to_go() -> None:
    for code, words in read_words().items():
        assert 400 <= words.status < 600, code
        assert words.title
        assert words.text.endswith(".")
        assert words.href == "" or words.href.startswith("/")
        assert (words.status == 503) <= (words.href in {"", "/", "/account"}), code


def test_no_page_counts_on_a_style_or_a_script_inside_it() -> None:
    for path in (SOURCE / "templates").iterdir():
        text = path.read_text()
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", text), path.name
        assert "|safe" not in text.replace(" ", "")


def test_every_form_that_changes_something_carries_the_token() -> None:
    for path in (SOURCE / "templates").glob("*.html"):
        for form in re.findall(r"<form.*?</form>", path.read_text(), re.DOTALL):
            assert 'method="post"' in form, path.name
            if path.name == "letters_stop.html":  # RFC 8058: sent without a cookie; the link decides
                continue
            assert 'name="csrf" value="{{ csrf() }}"' in form, path.name


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (1, "1 bytes"),
        (50_000_000_000, "50 GB"),
        (50_000_000_001, "50.1 GB"),
        (999_900_000_000, "1 TB"),
    ],
)
def test_what_has_to_be_deleted_is_never_rounded_down(count: int, words: str) -> None:
    assert at_least(count) == words
