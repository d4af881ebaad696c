"""Which letters an owner gets, and in which language."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from s4_contracts.ids import AccountId
from s4_contracts.notifier import LetterComplained
from s4_contracts.web import LanguageChosen, OptionalLettersChosen
from s4_store import Pool, Transaction

LANGUAGES = {"en": "English", "de": "Deutsch"}
USUAL = "en"
_MOST_TAGS = 20  # of a header that anybody may write

# True is returned where the choice is another one than before, or than what holds without any.
_SPEAK = """
INSERT INTO letter_choices AS old (account_id, language, chosen_at) VALUES ($1, $2, $3)
ON CONFLICT (account_id) DO UPDATE SET language = excluded.language, chosen_at = excluded.chosen_at
WHERE coalesce(old.language, 'en') <> excluded.language RETURNING xmax <> 0 OR language <> 'en'
"""
_WANT = """
INSERT INTO letter_choices AS old (account_id, is_wanted, chosen_at) VALUES ($1, $2, $3)
ON CONFLICT (account_id) DO UPDATE SET is_wanted = excluded.is_wanted, chosen_at = excluded.chosen_at
WHERE coalesce(old.is_wanted, true) <> excluded.is_wanted RETURNING xmax <> 0 OR NOT is_wanted
"""
# Said by the notifier, which has noted it already; a choice that was made later holds.
_COMPLAINED = """
INSERT INTO letter_choices AS old (account_id, is_wanted, chosen_at) VALUES ($1, false, $2)
ON CONFLICT (account_id) DO UPDATE SET is_wanted = false WHERE old.is_wanted IS NULL OR old.chosen_at < $2
"""


class LetterChoices(msgspec.Struct, frozen=True):
    """What an owner chose, or what holds without a choice."""

    language: str = USUAL
    is_wanted: bool = True


def language_of(accepted: str) -> str:
    """The language that a browser prefers of ours (RFC 9110, section 12.5.4), English if it names none."""
    preferred: list[tuple[float, str]] = []
    for part in accepted.split(",")[:_MOST_TAGS]:
        tag, _, weight = part.strip().lower().partition(";")
        primary = tag.strip().partition("-")[0]
        if primary in LANGUAGES:
            preferred.append((_weight(weight.strip()), primary))
    best = max(preferred, key=lambda each: each[0], default=(0.0, USUAL))
    return best[1] if best[0] > 0 else USUAL


def _weight(text: str) -> float:
    if not text.startswith("q="):
        return 1.0
    try:
        return float(text.removeprefix("q="))
    except ValueError:
        return 0.0


async def choices_of(pool: Pool, account_id: str) -> LetterChoices:
    """What holds for the account."""
    row = await pool.fetchrow("SELECT language, is_wanted FROM letter_choices WHERE account_id = $1", account_id)
    if row is None:
        return LetterChoices()
    return LetterChoices(row["language"] or USUAL, row["is_wanted"] is not False)


async def note_complaint(event: LetterComplained, tx: Transaction) -> None:
    """A letter of ours was called spam, so that those that can be done without are not sent any more."""
    await tx.execute(_COMPLAINED, event.account_id, event.occurred_at)


async def choose_language(tx: Transaction, accounts: Sequence[str], language: str, now: datetime) -> None:
    """Letters to these accounts are written in this language; it is told where that is new."""
    for each in sorted(accounts):
        if await tx.fetchval(_SPEAK, each, language, now):
            await tx.emit(LanguageChosen(account_id=AccountId(each), language=language, occurred_at=now))


async def choose_letters(tx: Transaction, accounts: Sequence[str], now: datetime, *, wanted: bool) -> None:
    """These accounts get letters that one can do without, or do not; it is told where that is new."""
    for each in sorted(accounts):
        if await tx.fetchval(_WANT, each, wanted, now):
            await tx.emit(OptionalLettersChosen(account_id=AccountId(each), wanted=wanted, occurred_at=now))
