"""A letter's words: text and HTML from one source."""

from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

import jinja2

from s4_notifier.links import Link
from s4_notifier.store import OwedLetter
from s4_notifier.words import day, minute, size
from s4_runtime import money


class Letters:
    """Turns a debt into a message. The same debt always reads the same."""

    def __init__(self, sender: str) -> None:
        self._sender = sender
        self._words = jinja2.Environment(
            loader=jinja2.PackageLoader("s4_notifier"),
            autoescape=jinja2.select_autoescape(["html"]),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._words.filters |= {"day": day, "minute": minute, "money": money, "size": size}

    def message(self, letter: OwedLetter, link: Link) -> EmailMessage:
        """The whole message.

        ``templates/KIND.txt`` begins with the subject and what the link does; then come paragraphs. A lone link is
        shown as a button, lines of "name: value" as a table.
        """
        address = link.address.reveal()
        source = self._words.get_template(f"{letter.kind}.txt")
        words = source.render(**letter.facts, link=address, link_ends=link.ends_at)
        head, *paragraphs = [part.strip() for part in words.split("\n\n") if part.strip()]
        subject, action = (line.partition(": ")[2] for line in head.splitlines())
        page = self._words.get_template("letter.html")
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = letter.email or ""
        message["Subject"] = subject
        message["Date"] = format_datetime(letter.issued_at)
        message["Message-ID"] = f"<{letter.letter_id}@{_domain(self._sender)}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834, section 5
        message.set_content("\n\n".join(paragraphs) + "\n")
        html = page.render(subject=subject, paragraphs=paragraphs, link=address, action=action)
        message.add_alternative(html, subtype="html")
        return message


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2]
