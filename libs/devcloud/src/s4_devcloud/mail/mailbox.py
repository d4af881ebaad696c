"""The letters that arrived, one file each."""

import email
import email.policy
import itertools
from email.message import EmailMessage
from pathlib import Path

import msgspec


class Letter(msgspec.Struct, frozen=True):
    """One delivery. Two deliveries of the same letter are two files with one ``message_id``."""

    number: int
    recipients: list[str]
    sender: str
    to: str
    subject: str
    message_id: str
    date: str
    text: str
    html: str
    headers: dict[str, str]
    envelope_from: str = ""


class Mailbox:
    """A folder of .eml files. What was accepted is still there after a restart; each is parsed once."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._known: dict[Path, Letter] = {}
        self._numbers = itertools.count(1 + max((_number(path) for path in self._files()), default=0))

    def add(self, recipients: list[str], content: bytes, sender: str = "") -> int:
        """Keep the message as it came; afterwards it is readable under the number returned."""
        number = next(self._numbers)
        envelope = f"X-Envelope-To: {', '.join(recipients)}\r\nX-Envelope-From: {sender}\r\n".encode()
        beside = self._folder / f"{number}.part"
        beside.write_bytes(envelope + content)
        beside.rename(self._folder / f"{number:06}.eml")
        return number

    def letters(self, to: str | None = None) -> list[Letter]:
        """All letters, or those to one address, the newest first."""
        found = [self._read(path) for path in sorted(self._files(), reverse=True)]
        return [letter for letter in found if to is None or to.lower() in map(str.lower, letter.recipients)]

    def letter(self, number: int) -> Letter | None:
        """The letter of that number."""
        path = self._folder / f"{number:06}.eml"
        return self._read(path) if path.exists() else None

    def clear(self) -> None:
        """Throw all letters away."""
        for path in self._files():
            path.unlink()
        self._known.clear()

    def _read(self, path: Path) -> Letter:
        if path not in self._known:
            self._known[path] = _read(path)
        return self._known[path]

    def _files(self) -> list[Path]:
        return list(self._folder.glob("*.eml"))


def _number(path: Path) -> int:
    return int(path.stem)


def _read(path: Path) -> Letter:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    return Letter(
        number=_number(path),
        recipients=[part.strip() for part in str(message["X-Envelope-To"]).split(",")],
        sender=str(message["From"] or ""),
        to=str(message["To"] or ""),
        subject=str(message["Subject"] or ""),
        message_id=str(message["Message-ID"] or ""),
        date=str(message["Date"] or ""),
        text=_body(message, "plain"),
        html=_body(message, "html"),
        headers={name: str(value) for name, value in message.items()},
        envelope_from=str(message["X-Envelope-From"] or ""),
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part else ""
