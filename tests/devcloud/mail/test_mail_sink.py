import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from support.mail_sink import PASSWORD, USER, MailSink, mail_sink


@pytest.fixture(scope="module")
def sink_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailSink]:
    with mail_sink(tmp_path_factory.mktemp("sink")) as running:
        yield running


@pytest.fixture
async def sink(sink_of_all: MailSink) -> MailSink:
    await sink_of_all.reset()
    return sink_of_all


def a_letter(to: str = "reader@example.org") -> EmailMessage:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "shop@example.org", to, "Hello"
    letter["Message-ID"] = "<one@example.org>"
    letter.set_content("Plain words")
    letter.add_alternative("<p>Marked-up <b>words</b></p><script>alert(1)</script>", subtype="html")
    return letter


async def send(sink: MailSink, letter: EmailMessage, password: str = PASSWORD) -> None:
    trust = ssl.create_default_context(cafile=str(sink.certificate))
    await aiosmtplib.send(
        letter, hostname=sink.host, port=sink.port, start_tls=True, tls_context=trust, username=USER, password=password
    )


async def test_a_letter_sent_with_starttls_and_password_is_readable_as_json_and_as_a_page(sink: MailSink) -> None:
    await send(sink, a_letter())
    (letter,) = await sink.letters("READER@example.org")
    assert (letter["subject"], letter["text"].strip(), letter["message_id"]) == (
        "Hello",
        "Plain words",
        "<one@example.org>",
    )
    assert "Hello" in (await sink.page("/"))[1]
    status, page = await sink.page(f"/letters/{letter['number']}")
    assert status == 200
    assert "Plain words" in page
    assert "alert(1)" not in page
    assert await sink.letters("somebody.else@example.org") == []
    assert (await sink.page("/letters/99"))[0] == 404


async def test_without_tls_nothing_is_taken(sink: MailSink) -> None:
    with pytest.raises(aiosmtplib.SMTPException, match="STARTTLS"):
        await aiosmtplib.send(a_letter(), hostname=sink.host, port=sink.port, start_tls=False)
    assert await sink.letters() == []


async def test_without_the_password_nothing_is_taken(sink: MailSink) -> None:
    with pytest.raises(aiosmtplib.SMTPAuthenticationError):
        await send(sink, a_letter(), password="wrong")
    trust = ssl.create_default_context(cafile=str(sink.certificate))
    with pytest.raises(aiosmtplib.SMTPException, match=r"(?i)auth"):
        await aiosmtplib.send(a_letter(), hostname=sink.host, port=sink.port, start_tls=True, tls_context=trust)
    assert await sink.letters() == []


async def test_a_client_that_does_not_know_the_certificate_refuses_it(sink: MailSink) -> None:
    with pytest.raises((ssl.SSLError, aiosmtplib.SMTPConnectError)):
        await aiosmtplib.send(a_letter(), hostname=sink.host, port=sink.port, start_tls=True)


@pytest.mark.parametrize(("reply", "error"), [("451 4.3.0 later", 451), ("550 5.1.1 nobody here", 550)])
async def test_a_fault_refuses_as_often_as_ordered_and_then_lets_pass(sink: MailSink, reply: str, error: int) -> None:
    await sink.refuse(reply, times=1, recipient="reader@example.org")
    await send(sink, a_letter("other@example.org"))
    with pytest.raises(aiosmtplib.SMTPDataError) as refused:
        await send(sink, a_letter())
    assert refused.value.code == error
    await send(sink, a_letter())
    assert len(await sink.letters("reader@example.org")) == 1


async def test_a_refused_recipient_is_told_at_once(sink: MailSink) -> None:
    await sink.refuse("550 5.1.1 nobody here", at="rcpt")
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await send(sink, a_letter())


async def test_letters_survive_a_restart(tmp_path: Path) -> None:
    with mail_sink(tmp_path) as first:
        await send(first, a_letter())
    with mail_sink(tmp_path) as second:
        assert len(await second.letters()) == 1
        await send(second, a_letter())
        assert [letter["number"] for letter in await second.letters()] == [2, 1]
