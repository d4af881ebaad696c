"""Codes that a person can read out, and a client can be given: ``NAMEPLATE-word-word``."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

from s4_runtime import Permanent

# Sounds that are hard to mistake for each other. 80 syllables: 6.3 bits each.
_ONSETS = "bdfghjklmnprstvz"
_VOWELS = "aeiou"
_SYLLABLES = 3
_WORDS = 2
# Nine digits: too many to try them all in an invite's life, and more than mailbox servers allocate by themselves (six).
_NAMEPLATES = range(100_000_000, 1_000_000_000)
_FEWEST_WORDS = 256


class WordsUnusable(Permanent):
    """The file of words is not one word a line, lower case, without hyphens, and at least 256 of them."""


def new_code(random: Random, words: Sequence[str] = ()) -> str:
    """A code that nobody can guess: 38 bits of words that are made of syllables, or two of ``words``."""
    chosen = [random.choice(words) if words else _made_up(random) for _ in range(_WORDS)]
    return "-".join([str(random.choice(_NAMEPLATES)), *chosen])


def nameplate_of(code: str) -> str:
    """The number by which the two sides find the same mailbox. It is no secret to the mailbox server."""
    return code.partition("-")[0]


def read_words(path: Path | None) -> list[str]:
    """The words that codes are made of, none if there is no such file. Raises WordsUnusable."""
    if path is None:
        return []
    try:
        words = sorted(set(path.read_text(encoding="utf-8").split()))
    except (OSError, UnicodeDecodeError):
        raise WordsUnusable("words-unusable") from None
    if len(words) < _FEWEST_WORDS or not all(word.isalpha() and word.islower() for word in words):
        raise WordsUnusable("words-unusable", count=len(words))
    return words


def _made_up(random: Random) -> str:
    return "".join(random.choice(_ONSETS) + random.choice(_VOWELS) for _ in range(_SYLLABLES))
