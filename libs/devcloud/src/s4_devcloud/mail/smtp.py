"""The SMTP side: takes letters from who has the password, over TLS only."""

import hmac
import ssl
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from s4_devcloud.mail.faults import Faults
from s4_devcloud.mail.mailbox import Mailbox
from s4_devcloud.mail.reports import Reporter

# 10 MiB; RFC 1870 lets a server name its own limit.
MAX_MESSAGE_BYTES = 10 * 1024 * 1024


class Door:
    """Takes recipients and letters, unless a fault is due."""

    def __init__(self, mailbox: Mailbox, faults: Faults, reporter: Reporter) -> None:
        self._mailbox = mailbox
        self._faults = faults
        self._reporter = reporter

    async def handle_RCPT(  # noqa: N802  aiosmtpd finds its hooks by these names
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept the recipient (RFC 5321, section 4.1.1.3)."""
        refusal = self._faults.take("rcpt", [address])
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802  aiosmtpd finds its hooks by these names
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keep the letter, then say so (RFC 5321, section 4.1.1.4)."""
        recipients = [str(address) for address in envelope.rcpt_tos]
        refusal = self._faults.take("data", recipients)
        if refusal:
            return refusal
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        number = self._mailbox.add(recipients, content, str(envelope.mail_from or ""))
        self._reporter.note(number, recipients)
        return f"250 OK kept as {number}"


class PasswordCheck:
    """One user, one password."""

    def __init__(self, user: str, password: str) -> None:
        self._expected = (user.encode(), password.encode())

    def __call__(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        """Success, or a refusal that the client is told at once (handled=False makes aiosmtpd answer 535)."""
        shown = (data.login, data.password) if isinstance(data, LoginPassword) else (b"", b"")
        good = all(hmac.compare_digest(one, other) for one, other in zip(shown, self._expected, strict=True))
        return AuthResult(success=good, handled=False)


def session_factory(door: Door, check: PasswordCheck, tls: ssl.SSLContext) -> SMTP:
    """The protocol object of one connection."""
    return SMTP(
        door,
        hostname="localhost",
        data_size_limit=MAX_MESSAGE_BYTES,
        tls_context=tls,
        require_starttls=True,
        authenticator=check,
        auth_required=True,
        auth_require_tls=True,
        enable_SMTPUTF8=True,
    )
