"""A letter's words: text and HTML from one source, in its reader's language."""

from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

import jinja2

from s4_notifier.links import Link
from s4_notifier.returns import Returns
from s4_notifier.store import OwedLetter
from s4_notifier.words import LANGUAGES, Words, language_of
from s4_runtime import Temporary


class Unwritable(Temporary):
    """There are no words for the letter, or they ask for a fact that it lacks. Another release may know better."""


class Letters:
    """Turns a debt into a message. The same debt always reads the same."""

    def __init__(self, sender: str, public_url: str, returns: Returns | None = None) -> None:
        self._sender = sender
        self._site = public_url.rstrip("/")
        self._returns = returns
        self._words = {language: Words(language) for language in LANGUAGES}
        self._pages = {language: _pages(words) for language, words in self._words.items()}

    def message(self, letter: OwedLetter, link: Link) -> EmailMessage:
        """The whole message.

        ``templates/LANGUAGE/KIND.txt`` begins with the subject and what the link does; then come paragraphs. A lone
        link is shown as a button, indented lines of "name: value" as a table, lines with numbers as a list. Raises
        Unwritable.
        """
        language = language_of(letter.language)
        head, *paragraphs = self._paragraphs(letter, link, language)
        subject, action = (line.partition(": ")[2] for line in head.splitlines())
        message = self._headed(letter, link, subject)
        said, stop = self._words[language].said, link.stop.reveal() if link.stop else None
        message.set_content(self._text(paragraphs, said["signature"], stop and f"{said['optional']}\n{stop}"))
        html = self._pages[language].get_template("letter.html")
        page = html.render(
            language=language,
            subject=subject,
            paragraphs=paragraphs,
            link=link.address.reveal(),
            action=action,
            site=self._site,
            said=said,
            about=said.get(f"about-{letter.kind}", said["about"]),
            stop=stop,
        )
        message.add_alternative(page, subtype="html")
        message["Content-Language"] = language
        return message

    def _headed(self, letter: OwedLetter, link: Link, subject: str) -> EmailMessage:
        message = EmailMessage()
        message["From"] = message["Reply-To"] = self._sender  # a person reads the answers
        message["To"] = letter.email or ""
        message["Subject"] = subject
        message["Date"] = format_datetime(letter.issued_at)
        message["Message-ID"] = self._name(letter.letter_id)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834, section 5
        if letter.answers:
            message["In-Reply-To"] = message["References"] = self._name(letter.answers)
        if link.stop:
            message["List-Unsubscribe"] = f"<{link.stop.reveal()}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058, section 3.1
        if self._returns:
            # RFC 9477: who runs a mailbox may send here what its owner calls spam.
            message["CFBL-Address"] = f"{self._returns.address(letter.letter_id)}; report=arf"
        return message

    def _text(self, paragraphs: list[str], signature: str, stop: str | None) -> str:
        """A line of two hyphens and a space begins a signature (RFC 3676, section 4.3)."""
        last = f"-- \n{signature}\n{self._site}"
        return "\n\n".join([*paragraphs, *([stop] if stop else []), last]) + "\n"

    def _paragraphs(self, letter: OwedLetter, link: Link, language: str) -> list[str]:
        try:
            source = self._pages[language].get_template(f"{language}/{letter.kind}.txt")
            words = source.render(**letter.facts, link=link.address.reveal(), link_ends=link.ends_at)
        except (jinja2.TemplateError, TypeError, ValueError):
            raise Unwritable("letter-unwritable", kind=letter.kind) from None
        return [part.strip("\n") for part in words.split("\n\n") if part.strip()]

    def _name(self, letter_id: str) -> str:
        return f"<{letter_id}@{domain_of(self._sender)}>"


def domain_of(sender: str) -> str:
    """The part behind the @ of "Name <local@domain>"."""
    return parseaddr(sender)[1].rpartition("@")[2]


def _pages(words: Words) -> jinja2.Environment:
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("s4_notifier"),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= words.filters()
    return pages
