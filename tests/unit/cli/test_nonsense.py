"""Whatever is typed in the place of what is asked for is refused in words, for every command there is."""

import argparse
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from s4_cli.__main__ import main
from s4_cli.words import parser
from s4_ops.images.keys import SigningKey
from s4_runtime import Permanent, Secret, Temporary

Words = tuple[str, ...]
FILES = {"junk": b"\x00\xff{[nonsense\n", "list": b"[]", "object": b"{}", "null": b"null", "deep": b'{"a":' * 100_000}
TEXTS = (
    *("", " ", "-", "nonsense!", "../..", "https://x/y?z", "x" * 5000, "9" * 400, "-1", "1e999", "NaN", "{}"),
    *("é…\u202e", "a\nb", "[::1", "a:b:c@d"),
)
DONE, REFUSED, WORDS_ARE_WRONG, LATER = 0, 1, 2, 75


def leaves(made: argparse.ArgumentParser, words: Words = ()) -> Iterator[tuple[Words, argparse.ArgumentParser]]:
    """Every command, with the words that lead to it."""
    below = [action for action in made._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield words, made
    for action in below:
        for word, parser_below in action.choices.items():
            yield from leaves(parser_below, (*words, word))


LEAVES = dict(leaves(parser()))


def actions(words: Words) -> list[argparse.Action]:
    return [action for action in LEAVES[words]._actions if action.nargs != 0]


WITH_FILES = [words for words in LEAVES if any(action.type is Path for action in actions(words))]


def typed(words: Words, text: str) -> list[str]:
    """The command with this text wherever one may stand."""
    said = list(words)
    for action in actions(words):
        given = str(next(iter(action.choices))) if action.choices else text
        said += [action.option_strings[-1], given] if action.option_strings else [given]
    return said


def ends(said: list[str], capsys: pytest.CaptureFixture[str]) -> int:
    try:
        status = main(said)
    except SystemExit as end:
        status = int(end.code or 0)
    assert "Traceback" not in capsys.readouterr().err
    return status


@pytest.fixture(autouse=True)
def nothing_can_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No installation, no program, no network: what is said is about the words alone."""
    for name in ("HOME", "PATH", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("KUBECONFIG", "S4_AUDIT_FILE", "S4_BACKUP_SETTINGS", "S4_KUBECTL"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("SHOP_STATE", "/nowhere")
    monkeypatch.setenv("S4_SIGNING_PASSPHRASE", "words")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_no_text_makes_a_command_break(words: Words, capsys: pytest.CaptureFixture[str]) -> None:
    for action in actions(words):
        read = action.type
        if not callable(read):
            continue
        for text in TEXTS:
            with suppress(argparse.ArgumentTypeError, TypeError, ValueError, Permanent, Temporary):
                read(text)
    for text in ("nonsense!", "https://x/y?z", "é…"):
        assert ends(typed(words, text), capsys) in {DONE, REFUSED, WORDS_ARE_WRONG, LATER}


@pytest.mark.parametrize("words", WITH_FILES, ids=" ".join)
@pytest.mark.parametrize("what", ["folder", *FILES])
def test_no_file_makes_a_command_break(
    words: Words, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tmp_path / "given"
    given.mkdir() if what == "folder" else given.write_bytes(FILES[what])
    said = list(words)
    for action in actions(words):
        if action.choices or not (action.required or action.type is Path):
            continue
        text = str(given) if action.type is Path else {"registry": "127.0.0.1:1"}.get(action.dest, "1")
        said += [action.option_strings[-1], text] if action.option_strings else [text]
    assert ends(said, capsys) in {DONE, REFUSED, WORDS_ARE_WRONG, LATER}


@pytest.mark.parametrize("what", FILES)
@pytest.mark.parametrize(
    "words",
    [
        ("images", "release", "--registry", "127.0.0.1:1", "--key", "ours.key", "--out", "out", "--digests"),
        ("images", "verify", "--registry", "127.0.0.1:1", "--public-key", "ours.pub", "--release"),
        ("images", "policy", "--registry", "127.0.0.1:1", "--public-key", "ours.pub", "--out", "out", "--release"),
        ("images", "sign", f"127.0.0.1:1/s4-web@sha256:{'1' * 64}", "--key"),
        ("cluster", "validate", "staging", "--spec"),
        ("doctor", "--service", "web=http://127.0.0.1:1", "--file"),
        ("backup", "list", "--from", ".", "--settings"),
    ],
    ids=lambda words: " ".join(words[:2]) + words[-1],
)
def test_one_wrong_file_among_good_words_is_said_to_be_wrong(
    words: Words, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = SigningKey.new()
    key.write(tmp_path / "ours.key", Secret("words"))
    (tmp_path / "ours.pub").write_text(key.public.pem)
    (tmp_path / "given").write_bytes(FILES[what])
    (tmp_path / "given.sig").write_text(key.sign(FILES[what]))
    assert ends([*words, "given"], capsys) in {REFUSED, WORDS_ARE_WRONG}
