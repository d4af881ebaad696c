"""Codes of words that an operator chose."""

from pathlib import Path

import pytest

from s4_invites.codes import WordsUnusable
from support.invite_agent import Invites
from support.joining import gridsync, gridsync_receives


async def test_with_gridsyncs_own_words_its_field_takes_the_code_and_it_gets_the_settings(
    invites: Invites, tmp_path: Path
) -> None:
    words = tmp_path / "words"
    words.write_text(await gridsync("words"))
    invites.configure(words_file=words)
    invite = await invites.open()
    await gridsync("typed", invite["code"])
    async with invites.replica():
        found = await gridsync_receives(invites.mailbox.url, invite["code"])
        await invites.becomes(invite, "claimed")
    assert found["shares-happy"] == 1


async def test_too_few_or_unfit_words_stop_the_start(invites: Invites, tmp_path: Path) -> None:
    file = tmp_path / "words"
    for text in ("one two three", "\n".join(f"word-{number}" for number in range(500))):
        file.write_text(text)
        with pytest.raises(WordsUnusable):
            invites.configure(words_file=file)
    with pytest.raises(WordsUnusable):
        invites.configure(words_file=tmp_path / "none")
