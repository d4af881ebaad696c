"""Handing a message to the mail server (the only module that speaks SMTP)."""

import asyncio
import ssl
from email.message import EmailMessage

import aiosmtplib

from s4_notifier.settings import Settings
from s4_runtime import Permanent, Temporary, outages
from s4_runtime.certificates import refused, since


class MailServerBusy(Temporary):
    """The mail server cannot be reached, or asks to try later (RFC 5321: replies 4yz)."""


class LetterRefused(Permanent):
    """The mail server will never take this letter (RFC 5321: replies 5yz). ``code`` is its reply code."""


class AddressRefused(LetterRefused):
    """It will never take any letter to this address."""


class Mailer:
    """One mail server, always over STARTTLS and with a password."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._trust = ssl.create_default_context(cafile=str(settings.smtp_ca) if settings.smtp_ca else None)

    async def send(self, message: EmailMessage, sender: str | None = None) -> None:
        """The mail server has taken the message over, with ``sender`` on the envelope if it is not who wrote it.

        Raises MailServerBusy, LetterRefused or AddressRefused. A refused password counts as busy: it is our trouble,
        not the letter's.
        """
        try:
            await self._hand_over(message, sender)
        except MailServerBusy as trouble:
            why = await self._explained(trouble)
            outages.tell("mail", why)
            raise why from None
        outages.tell("mail", None)

    async def _hand_over(self, message: EmailMessage, sender: str | None) -> None:
        settings = self._settings
        seconds = settings.smtp_timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                await aiosmtplib.send(
                    message,
                    sender=sender,
                    hostname=settings.smtp_host,
                    port=settings.smtp_port,
                    start_tls=True,
                    tls_context=self._trust,
                    username=settings.smtp_user,
                    password=settings.smtp_password.reveal(),
                    timeout=seconds,
                )
        except aiosmtplib.SMTPAuthenticationError as error:
            raise MailServerBusy("mail-server-refuses-us", reply=error.code) from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _refusal(max(refused.code for refused in error.recipients), AddressRefused) from None
        except aiosmtplib.SMTPResponseException as error:
            raise _refusal(error.code, LetterRefused) from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise MailServerBusy(f"mail-server-{refused(error) or 'unreachable'}") from None

    async def _explained(self, trouble: MailServerBusy) -> MailServerBusy:
        """The same; of a certificate that is over, whose it is and since when."""
        if trouble.code != "mail-server-certificate-expired":
            return trouble
        host, port = self._settings.smtp_host, self._settings.smtp_port
        over = await since(host, port, self._settings.smtp_ca, "smtp")
        return MailServerBusy(trouble.code, retry_after=None, host=host, port=port, **over)


def _refusal(reply: int, of: type[LetterRefused]) -> MailServerBusy | LetterRefused:
    if 500 <= reply < 600:
        return of(str(reply))
    return MailServerBusy("mail-server-busy", reply=reply)
