"""A mail server whose certificate we do not take: letters wait, and it is said whose it is and since when."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from s4_notifier.mailer import Mailer, MailServerBusy
from s4_runtime import Secret, outages
from support.certificates import Authority
from support.encrypting import showing
from support.notifier_service import Notifier


@pytest.fixture(autouse=True)
def nothing_is_out() -> Iterator[None]:
    outages.back("mail")
    yield
    outages.back("mail")


def is_out(code: str) -> bool:
    return REGISTRY.get_sample_value("s4_outage", {"part": "mail", "code": code}) == 1


def a_letter() -> EmailMessage:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "hello@s4.example", "ada@example.org", "Your grid"
    letter.set_content("It is ready.")
    return letter


async def test_an_ended_certificate_is_named_and_once_it_is_renewed_letters_go(
    notifier: Notifier, tmp_path: Path
) -> None:
    authority, good = Authority(tmp_path), notifier.settings
    async with showing(authority.certificate(until=timedelta(days=-1)), "smtp") as port:
        notifier.configure(smtp_host="localhost", smtp_port=port, smtp_ca=authority.file)
        with capture_logs() as lines, pytest.raises(MailServerBusy):
            await Mailer(notifier.settings).send(a_letter())
    (line,) = [line for line in lines if line["event"] == "mail.out"]
    assert (line["code"], line["host"], line["port"]) == ("mail-server-certificate-expired", "localhost", port)
    assert datetime.fromisoformat(line["ended"]) < datetime.now(UTC)
    assert is_out("mail-server-certificate-expired")

    await Mailer(good).send(a_letter())
    assert not is_out("mail-server-certificate-expired")


async def test_a_certificate_for_another_name_is_refused(notifier: Notifier, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with showing(authority.certificate(name="elsewhere"), "smtp") as port:
        notifier.configure(smtp_host="localhost", smtp_port=port, smtp_ca=authority.file)
        with pytest.raises(MailServerBusy, match="mail-server-certificate-refused"):
            await Mailer(notifier.settings).send(a_letter())


async def test_a_password_that_the_mail_server_refuses_is_our_trouble_and_said(notifier: Notifier) -> None:
    notifier.configure(smtp_password=Secret("another-word"))
    with capture_logs() as lines, pytest.raises(MailServerBusy, match="mail-server-refuses-us"):
        await Mailer(notifier.settings).send(a_letter())
    assert is_out("mail-server-refuses-us")
    assert "another-word" not in str(lines)
