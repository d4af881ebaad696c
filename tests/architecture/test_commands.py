from pathlib import Path

from s4_cli.words import WORDS, parser
from support.tools import tool

ROOT = Path(__file__).parents[2]


def test_the_page_of_commands_is_the_committed_one() -> None:
    """Run ``make schema`` after a change of commands."""
    assert (ROOT / "docs/operations/commands.md").read_text() == tool("commands_reference").page()


def test_every_word_has_its_section_with_its_commands() -> None:
    page = tool("commands_reference").page()
    for word in WORDS:
        assert f"\n## s4 {word}\n" in page
    assert "### queues restore" in page


def test_only_the_words_that_were_typed_are_filled() -> None:
    asked = parser(["queues", "list"]).parse_args(["--environment", "staging", "queues", "list"])
    assert (asked.environment, asked.service) == ("staging", "support")
    asked = parser(["queues", "list"]).parse_args(["queues", "list", "--environment", "staging"])
    assert asked.environment == "staging"
