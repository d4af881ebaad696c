"""What the mail sink sends back: reports by SMTP to the sender on the envelope, at once on order or by habit."""

import asyncio
import email
import ssl
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from pathlib import Path

import aiohttp
import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from s4_shop.ports import free_port
from support.mail_sink import PASSWORD, USER, MailSink, mail_sink
from support.waiting import until

SENDER = "bounces+one@s4.example"


class Post:
    """Whoever takes reports: keeps them, after as many refusals as were ordered."""

    def __init__(self) -> None:
        self.taken: list[tuple[str | None, list[str], bytes]] = []
        self.refusals: list[str] = []

    async def handle_DATA(  # noqa: N802  aiosmtpd finds its hooks by these names
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self.refusals:
            return self.refusals.pop()
        assert isinstance(envelope.content, bytes)
        self.taken.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.content))
        return "250 OK"


@pytest.fixture
def place() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def sink(tmp_path: Path, place: str) -> Iterator[MailSink]:
    with mail_sink(tmp_path, "--reports-to", place) as running:
        yield running


@pytest.fixture
async def post(place: str) -> AsyncIterator[Post]:
    kept, (host, _, port) = Post(), place.partition(":")
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(kept, hostname="localhost"), host, int(port))
    async with server:
        yield kept


async def send(sink: MailSink, to: str) -> int:
    """The number under which the sink keeps the letter."""
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"], letter["Message-ID"] = "s4@s4.example", to, "Hello", "<one@s4>"
    letter.set_content("Words")
    trust = ssl.create_default_context(cafile=str(sink.certificate))
    async with aiosmtplib.SMTP(hostname=sink.host, port=sink.port, start_tls=True, tls_context=trust) as client:
        await client.login(USER, PASSWORD)
        await client.send_message(letter, sender=SENDER)
    number: int = (await sink.letters(to))[0]["number"]
    return number


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("failed", "5.1.1"),
        ("delayed", "4.4.1"),
        ("relayed", "2.1.9"),
    ],
)
async def test_on_order_it_tells_what_became_of_a_letter(
    sink: MailSink, post: Post, place: str, kind: str, status: str
) -> None:
    number = await send(sink, "reader@example.org")
    assert await sink.report(number, place, kind, status) == "250 OK"
    ((sender, recipients, content),) = post.taken
    assert (sender, recipients) == ("<>", [SENDER])  # from nobody (RFC 5321, section 4.5.5)
    report = email.message_from_bytes(content)
    assert (report.get_content_type(), report.get_param("report-type")) == ("multipart/report", "delivery-status")
    assert [part.get_content_type() for part in report.get_payload()] == [  # type: ignore[union-attr]  # parts of a report
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]
    assert f"Action: {kind}".encode() in content
    assert f"Status: {status}".encode() in content


async def test_on_order_somebody_complains(sink: MailSink, post: Post, place: str) -> None:
    number = await send(sink, "reader@example.org")
    assert await sink.report(number, place, "complaint") == "250 OK"
    assert b"Feedback-Type: abuse" in post.taken[0][2]


@pytest.mark.parametrize(
    ("reader", "said"),
    [("bounces-later", b"Status: 5.1.1"), ("full", b"Status: 5.2.2"), ("slow", b"delayed"), ("complains", b"abuse")],
)
async def test_some_addresses_have_habits(sink: MailSink, post: Post, reader: str, said: bytes) -> None:
    post.refusals.append("451 4.3.0 later")
    await send(sink, f"{reader}-7@example.org")

    async def has_come() -> bool:
        return bool(post.taken)

    await until(has_come, within=10, what="the report")
    assert said in post.taken[0][2]


async def test_how_the_other_side_answers_is_told(sink: MailSink, post: Post, place: str) -> None:
    number = await send(sink, "reader@example.org")
    post.refusals.append("552 5.3.4 too large")
    assert await sink.report(number, place) == "552 5.3.4 too large"
    nobody = f"127.0.0.1:{free_port()}"
    assert (await sink.report(number, nobody)).startswith("421")


@pytest.mark.parametrize(("body", "status"), [('{"number": 99}', 409), ("{}", 422), ("nonsense", 422)])
async def test_an_order_that_cannot_be_done_is_refused(sink: MailSink, body: str, status: int) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{sink.http}/api/reports", data=body) as answer:
        assert answer.status == status
