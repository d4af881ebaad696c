"""A letter's words: text and HTML from one source."""

from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

import jinja2

from s4_notifier.links import Link
from s4_notifier.store import OwedLetter
from s4_notifier.words import day, duration, minute, size
from s4_runtime import Temporary, money

# A line of two hyphens and a space begins a signature (RFC 3676, section 4.3).
_SIGNATURE = "-- \nS4, storage grids for Tahoe-LAFS\n"


class Unwritable(Temporary):
    """There are no words for the letter, or they ask for a fact that it lacks. Another release may know better."""


class Letters:
    """Turns a debt into a message. The same debt always reads the same."""

    def __init__(self, sender: str, public_url: str) -> None:
        self._sender = sender
        self._site = public_url.rstrip("/")
        self._words = jinja2.Environment(
            loader=jinja2.PackageLoader("s4_notifier"),
            autoescape=jinja2.select_autoescape(["html"]),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._words.filters |= {"day": day, "minute": minute, "money": money, "size": size, "duration": duration}

    def message(self, letter: OwedLetter, link: Link) -> EmailMessage:
        """The whole message.

        ``templates/KIND.txt`` begins with the subject and what the link does; then come paragraphs. A lone link is
        shown as a button, indented lines of "name: value" as a table. Raises Unwritable.
        """
        address = link.address.reveal()
        head, *paragraphs = self._paragraphs(letter, link)
        subject, action = (line.partition(": ")[2] for line in head.splitlines())
        page = self._words.get_template("letter.html")
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = letter.email or ""
        message["Subject"] = subject
        message["Date"] = format_datetime(letter.issued_at)
        message["Message-ID"] = f"<{letter.letter_id}@{_domain(self._sender)}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834, section 5
        message.set_content("\n\n".join([*paragraphs, _SIGNATURE + self._site]) + "\n")
        html = page.render(subject=subject, paragraphs=paragraphs, link=address, action=action, site=self._site)
        message.add_alternative(html, subtype="html")
        return message

    def _paragraphs(self, letter: OwedLetter, link: Link) -> list[str]:
        try:
            source = self._words.get_template(f"{letter.kind}.txt")
            words = source.render(**letter.facts, link=link.address.reveal(), link_ends=link.ends_at)
        except (jinja2.TemplateError, TypeError, ValueError):
            raise Unwritable("letter-unwritable", kind=letter.kind) from None
        return [part.strip("\n") for part in words.split("\n\n") if part.strip()]


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2]
