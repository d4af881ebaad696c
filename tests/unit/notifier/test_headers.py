"""What mail programs are told beside the words."""

import msgspec
import pytest

from s4_notifier.kinds import OPTIONAL
from support.tools import tool

GALLERY = tool("letters_gallery")
SAMPLES = GALLERY.samples()
WRITTEN = GALLERY.written(SAMPLES)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_only_letters_that_can_be_done_without_can_be_left_off(sample: object) -> None:
    message, kind = WRITTEN[sample.name], sample.letter.kind  # type: ignore[attr-defined]  # the tool's own type
    stop = message["List-Unsubscribe"]
    assert (stop is not None) == (kind in OPTIONAL)
    assert message["List-Unsubscribe-Post"] == ("List-Unsubscribe=One-Click" if stop else None)
    html = message.get_body(("html",)).get_content()
    assert ("/letters/stop?token=" in html) == (kind in OPTIONAL)
    if stop:
        address = str(stop).replace(" ", "").strip("<>")
        assert address.startswith("https://s4.example/letters/stop?token=")
        assert address in message.get_body(("plain",)).get_content().replace("\n", " ")
        assert address in html


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_letter_is_marked_as_written_by_a_program_whose_answers_a_person_reads(sample: object) -> None:
    message, letter = WRITTEN[sample.name], sample.letter  # type: ignore[attr-defined]  # the tool's own type
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["From"] == message["Reply-To"] == "S4 <hello@s4.example>"
    assert message["Message-ID"] == f"<{letter.letter_id}@s4.example>"
    answered = f"<{letter.answers}@s4.example>" if letter.answers else None
    assert (message["In-Reply-To"], message["References"]) == (answered, answered)


def test_the_same_letter_is_the_same_to_the_byte_but_for_the_line_between_its_parts() -> None:
    again = GALLERY.written(GALLERY.samples())
    for name, message in WRITTEN.items():
        assert message.items()[:-1] == again[name].items()[:-1]
        for kind in ("plain", "html"):
            assert message.get_body((kind,)).get_content() == again[name].get_body((kind,)).get_content()


def test_a_copy_has_its_own_name_and_the_link_of_its_original() -> None:
    (sample,) = (each for each in SAMPLES if each.letter.kind == "welcome")
    copy = msgspec.structs.replace(
        sample.letter, letter_id="a-copy", copy_of=sample.letter.letter_id, signed_at=sample.letter.issued_at
    )
    message = GALLERY.written([GALLERY.Sample("copy", copy)])["copy"]
    original = WRITTEN[sample.name]
    assert message["Message-ID"] == "<a-copy@s4.example>"
    assert message.get_body(("plain",)).get_content() == original.get_body(("plain",)).get_content()
