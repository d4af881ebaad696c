"""A letter's words: text and HTML from one source."""

from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

import jinja2

from s4_notifier.store import OwedLetter
from s4_runtime import Secret


class Letters:
    """Turns a debt into a message. The same debt always reads the same."""

    def __init__(self, sender: str) -> None:
        self._sender = sender
        self._words = jinja2.Environment(
            loader=jinja2.PackageLoader("s4_notifier"),
            autoescape=jinja2.select_autoescape(["html"]),
            undefined=jinja2.StrictUndefined,
            keep_trailing_newline=True,
        )

    def message(self, letter: OwedLetter, link: Secret, link_ends: str) -> EmailMessage:
        """The whole message. ``templates/KIND.txt`` gives the subject and the paragraphs; a lone link is the action."""
        words = self._words.get_template(f"{letter.kind}.txt").render(link=link.reveal(), link_ends=link_ends)
        head, _, body = words.partition("\n\n")
        subject = head.removeprefix("Subject: ")
        paragraphs = [part.strip() for part in body.split("\n\n")]
        page = self._words.get_template("letter.html")
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = letter.email or ""
        message["Subject"] = subject
        message["Date"] = format_datetime(letter.issued_at)
        message["Message-ID"] = f"<{letter.letter_id}@{_domain(self._sender)}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834, section 5
        message.set_content(body)
        message.add_alternative(page.render(subject=subject, paragraphs=paragraphs, link=link.reveal()), subtype="html")
        return message


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2]
