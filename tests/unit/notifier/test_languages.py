"""Every letter in every language: complete, with the same facts and links, and no word of the other language."""

import re
from email.message import EmailMessage
from html.parser import HTMLParser
from importlib import resources

import jinja2
import pytest
from jinja2 import meta

from s4_notifier.words import LANGUAGES, Words
from support.tools import tool

GALLERY = tool("letters_gallery")
TEMPLATES = resources.files("s4_notifier") / "templates"
KINDS = sorted(path.name for path in (TEMPLATES / "en").iterdir() if path.name.endswith(".txt"))
WRITTEN = {language: GALLERY.written(GALLERY.samples(language)) for language in LANGUAGES}
NAMES = list(WRITTEN["en"])
PAGES = jinja2.Environment(autoescape=True)
PAGES.filters |= Words("en").filters()
# Words that no sentence of the one language does without, and that the other does not have.
ONLY_ENGLISH = re.compile(r"\b(?:the|your|you|of|and|we|with|to)\b", re.IGNORECASE)
ONLY_GERMAN = re.compile(r"\b(?:Sie|Ihr|Ihre|und|wir|mit|nicht|das|der)\b", re.IGNORECASE)
UNTRANSLATED = re.compile(r"\{[{%#]|%\}|\}\}|\bNone\b|\bundefined\b")


def body(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert isinstance(part, EmailMessage)
    found: str = part.get_content()
    return found


def links(text: str) -> list[str]:
    return re.findall(r"https?://[^\s\"<>]+", text)


class Read(HTMLParser):
    """What of a page is read, and where its parts come from."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self._quiet = "", False
        self.tags: list[str] = []
        self.sources: list[str | None] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value for name, value in attributes if name in {"src", "srcset", "background", "poster"}]
        self._quiet = tag == "style"

    def handle_endtag(self, _tag: str) -> None:
        self._quiet = False

    def handle_data(self, words: str) -> None:
        self.text += "" if self._quiet else words


def template(language: str, kind: str) -> tuple[set[str], set[str]]:
    """The facts and the filters that the template asks for."""
    tree = PAGES.parse((TEMPLATES / language / kind).read_text())
    return meta.find_undeclared_variables(tree), {found.name for found in tree.find_all(jinja2.nodes.Filter)}


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_every_language_has_the_same_letters_and_phrases(language: str) -> None:
    assert sorted(path.name for path in (TEMPLATES / language).iterdir() if path.name.endswith(".txt")) == KINDS
    assert Words(language).said.keys() == Words("en").said.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_every_language_says_the_same_facts(kind: str) -> None:
    for language in LANGUAGES:
        assert template(language, kind) == template("en", kind)


def test_the_samples_leave_out_no_letter() -> None:
    assert {f"{sample.letter.kind}.txt" for sample in GALLERY.samples()} == set(KINDS)


@pytest.mark.parametrize("name", NAMES)
def test_a_letter_is_whole_in_every_language_and_leads_to_the_same_places(name: str) -> None:
    letters = [WRITTEN[language][name] for language in LANGUAGES]
    assert len({letter["Subject"] for letter in letters}) == len(LANGUAGES)
    assert len({tuple(links(body(letter))) for letter in letters}) == 1
    assert len({tuple(sorted(set(links(body(letter, "html"))))) for letter in letters}) == 1
    for letter in letters:
        assert not UNTRANSLATED.search(str(letter["Subject"]) + body(letter))
        assert "\n\n\n" not in body(letter)


@pytest.mark.parametrize("name", NAMES)
def test_no_word_of_another_language_is_left(name: str) -> None:
    german, english = WRITTEN["de"][name], WRITTEN["en"][name]
    for letter, foreign, language in ((german, ONLY_ENGLISH, "de"), (english, ONLY_GERMAN, "en")):
        read = Read(body(letter, "html"))
        for words in (str(letter["Subject"]), body(letter), read.text):
            assert foreign.findall(re.sub(r"https?://\S+|\"This was not me\"", "", words)) == []
        assert letter["Content-Language"] == language
        assert f'<html lang="{language}">' in body(letter, "html")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_a_letter_has_one_clear_action_and_nothing_from_outside(name: str, language: str) -> None:
    html = body(WRITTEN[language][name], "html")
    read = Read(html)
    assert html.count('class="button"') == 1
    assert read.sources == []
    assert not {"img", "script", "link", "form", "iframe", "video", "object"} & set(read.tags)
    assert "url(" not in html
    assert "@import" not in html
    assert {link.split("?")[0].rstrip("/") for link in links(html)} <= {
        f"https://s4.example{path}"
        for path in ("", "/account", "/claim", "/sign-in/link", "/email/confirm", "/letters/stop")
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_text_and_html_say_the_same(name: str, language: str) -> None:
    message = WRITTEN[language][name]
    read = " ".join(Read(body(message, "html")).text.split())
    said = body(message).split("\n-- \n")[0]
    for line in filter(None, (line.strip() for line in said.splitlines())):
        if not line.startswith("https://"):
            for half in re.sub(r"^\d\. ", "", line).split(": ", 1) if ": " in line else [re.sub(r"^\d\. ", "", line)]:
                assert " ".join(half.split()) in read


def test_a_reader_who_chose_nothing_reads_english() -> None:
    unknown = GALLERY.written(GALLERY.samples(None))
    assert [str(letter["Subject"]) for letter in unknown.values()] == [
        str(letter["Subject"]) for letter in WRITTEN["en"].values()
    ]


def test_the_gallery_shows_every_letter_in_every_way() -> None:
    page = GALLERY.page()
    for name in NAMES:
        for language in LANGUAGES:
            assert f'<article id="{GALLERY.anchor(name)}-{language}">' in page
    assert page.count("<iframe ") == len(NAMES) * len(LANGUAGES) * 4
    assert page.count("prefers-color-scheme") == 0
    assert page.count("sandbox srcdoc=") == page.count("<iframe ")
