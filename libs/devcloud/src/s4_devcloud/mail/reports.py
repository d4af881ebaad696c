"""What mail servers send back later: that a letter was not delivered, is late, was passed on, or was called spam."""

import asyncio
import smtplib
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import make_msgid
from typing import Literal

import msgspec

from s4_devcloud.mail.mailbox import Letter, Mailbox

Kind = Literal["failed", "delayed", "relayed", "complaint"]
# What the local part of an address begins with, and what comes back of letters that were taken for it.
HABITS: dict[str, tuple[Kind, str]] = {
    "bounces-later": ("failed", "5.1.1"),
    "full": ("failed", "5.2.2"),
    "slow": ("delayed", "4.4.1"),
    "complains": ("complaint", ""),
}
_HOST = "mx.example.org"
_TRIES, _PAUSE = 20, 0.5  # seconds between them


class Order(msgspec.Struct, frozen=True):
    """A report about the letter of that number, to ``to`` (HOST:PORT) or to where all go."""

    number: int
    kind: Kind = "failed"
    status: str = "5.1.1"
    to: str = ""


class NowhereToReport(Exception):
    """It was not said where reports go, or the letter has no sender on its envelope."""


class Reporter:
    """Sends reports to the sender on a letter's envelope, as a mail server does: by SMTP, from nobody."""

    def __init__(self, mailbox: Mailbox, to: str) -> None:
        self._mailbox = mailbox
        self._to = to
        self._later: asyncio.Queue[Order] = asyncio.Queue()

    def note(self, number: int, recipients: list[str]) -> None:
        """A letter was taken. If its recipient has a habit, a report follows."""
        for address in recipients:
            habit = next((found for start, found in HABITS.items() if address.startswith(start)), None)
            if habit and self._to:
                self._later.put_nowait(Order(number, *habit))

    async def forever(self) -> None:
        """Send what follows from habits, until cancelled; who says later is asked again."""
        while True:
            order = await self._later.get()
            for _ in range(_TRIES):
                if not (await self.send(order)).startswith("4"):
                    break
                await asyncio.sleep(_PAUSE)

    async def send(self, order: Order) -> str:
        """The reply to the report. Raises NowhereToReport."""
        letter = self._mailbox.letter(order.number)
        where = order.to or self._to
        if letter is None or not where or not letter.envelope_from:
            raise NowhereToReport
        return await asyncio.to_thread(_hand_in, where, letter.envelope_from, _report(letter, order))


def _hand_in(where: str, recipient: str, report: Message) -> str:
    host, _, port = where.rpartition(":")
    try:
        with smtplib.SMTP(host, int(port), local_hostname=_HOST, timeout=10) as client:
            client.sendmail("", [recipient], report.as_bytes().replace(b"\n", b"\r\n"))
    except smtplib.SMTPRecipientsRefused as refused:
        (reply,) = refused.recipients.values()
        return _said(*reply)
    except smtplib.SMTPResponseException as refused:
        return _said(refused.smtp_code, refused.smtp_error)
    except OSError:
        return "421 nobody answers"
    return "250 OK"


def _said(code: int, words: bytes | str) -> str:
    return f"{code} {words.decode(errors='replace') if isinstance(words, bytes) else words}"


def _report(letter: Letter, order: Order) -> Message:
    """The parts that RFC 6522 asks for: words for people, fields for programs, the headers of the letter."""
    is_complaint = order.kind == "complaint"
    report = MIMEMultipart("report", report_type="feedback-report" if is_complaint else "delivery-status")
    report["From"] = f"MAILER-DAEMON@{_HOST}"
    report["To"] = letter.envelope_from
    report["Subject"] = "Abuse report" if is_complaint else "Delivery status notification"
    report["Date"] = letter.date
    report["Message-ID"] = make_msgid(domain=_HOST)
    report["Auto-Submitted"] = "auto-replied"
    report.attach(MIMEText(f"About your letter to {letter.to}: {order.kind} {order.status}\n"))
    report.attach(_complaint(letter) if is_complaint else _status(letter, order))
    headers = "".join(
        f"{name}: {value}\n" for name, value in letter.headers.items() if name.startswith(("Mess", "Sub"))
    )
    report.attach(MIMEText(headers, "rfc822-headers", "utf-8"))
    return report


def _status(letter: Letter, order: Order) -> Message:
    """RFC 3464."""
    about, recipient = Message(), Message()
    about["Reporting-MTA"] = f"dns; {_HOST}"
    recipient["Final-Recipient"] = f"rfc822; {letter.recipients[0]}"
    recipient["Action"] = order.kind
    recipient["Status"] = order.status
    recipient["Diagnostic-Code"] = f"smtp; 550 {order.status} No such user here"
    part = MIMEBase("message", "delivery-status")
    part.set_payload([about, recipient])
    return part


def _complaint(letter: Letter) -> Message:
    """RFC 5965."""
    fields = Message()
    fields["Feedback-Type"] = "abuse"
    fields["User-Agent"] = "s4-devcloud/1"
    fields["Version"] = "1"
    fields["Original-Mail-From"] = letter.envelope_from
    part = MIMEBase("message", "feedback-report")
    part.set_payload([fields])
    return part
