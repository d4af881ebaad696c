"""Where reports are handed in: SMTP, for addresses of our own making and for nothing else."""

import asyncio
import logging
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from prometheus_client import Counter

from s4_notifier.returns import effects, reports
from s4_notifier.returns.verp import Returns
from s4_notifier.settings import Settings
from s4_runtime import AddressTaken, Clock, Temporary, get_logger, split_address
from s4_store import Pool

REPORTS = Counter("notifier_reports_total", "What came back, by what became of it.", ["outcome"])

# A report may hold the whole letter; ours have about 20 KB.
MAX_BYTES = 256 * 1024
_AT_ONCE = 20  # connections
_SILENCE = timedelta(seconds=60)
_LATER = "451 4.3.0 Try later"


class _Session(SMTP):
    """One connection, which ends at once when there are too many."""

    def __init__(self, visitors: set[SMTP], door: "Door", **how: Any) -> None:
        super().__init__(door, **how)
        self._visitors = visitors
        self._is_in = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is in, or told to come later."""
        self._is_in = len(self._visitors) < _AT_ONCE
        if self._is_in:
            self._visitors.add(self)
            super().connection_made(transport)
        elif isinstance(transport, asyncio.WriteTransport):
            transport.write(b"421 4.3.2 Too many connections\r\n")
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Its place is free."""
        if self._is_in:
            self._visitors.discard(self)
            super().connection_lost(error)


class Door:
    """Takes reports, one recipient each, at most so many a minute and so many at once."""

    def __init__(self, pool: Pool, returns: Returns, clock: Clock, settings: Settings) -> None:
        self._pool = pool
        self._returns = returns
        self._clock = clock
        self._a_minute = settings.reports_a_minute
        self._minute, self._taken = clock.now(), 0
        self._visitors: set[SMTP] = set()
        # At lower levels it writes down who wrote to whom.
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)

    async def serve(self, listen: str) -> None:
        """Take reports until cancelled. Raises AddressTaken."""
        host, port = split_address(listen)
        try:
            server = await asyncio.get_running_loop().create_server(self.session, host, port)
        except OSError:
            raise AddressTaken("reports-address-taken", listen=listen) from None
        async with server:
            await server.serve_forever()

    def session(self) -> SMTP:
        """The protocol object of one connection."""
        return _Session(
            self._visitors,
            self,
            hostname="localhost",
            ident="S4 reports",
            data_size_limit=MAX_BYTES,
            enable_SMTPUTF8=True,
            timeout=_SILENCE.total_seconds(),
            auth_exclude_mechanism=["LOGIN", "PLAIN"],
            command_call_limit=100,
        )

    async def handle_RCPT(  # noqa: N802  aiosmtpd finds its hooks by these names
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """One letter's own address is accepted, and nobody else's."""
        if envelope.rcpt_tos:
            return "452 4.5.3 One recipient at a time"
        if self._returns.letter_of(address) is None:
            REPORTS.labels("no-such-address").inc()
            return "550 5.1.1 No such address"
        if not self._has_room():
            REPORTS.labels("too-many").inc()
            return _LATER
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802  aiosmtpd finds its hooks by these names
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """The report has its effect, or is not for us; both are good. Otherwise who sent it tries later."""
        letter = self._returns.letter_of(str(envelope.rcpt_tos[0]))
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        if letter is None:
            return "550 5.1.1 No such address"
        try:
            outcome = await effects.apply(self._pool, letter, reports.read(content), self._clock.now())
        except Temporary as trouble:
            REPORTS.labels("later").inc()
            get_logger().warning("report.postponed", letter=letter, code=trouble.code)
            return _LATER
        REPORTS.labels(outcome).inc()
        get_logger().info("report.taken", letter=letter, outcome=outcome)
        return "250 2.0.0 OK"

    async def handle_exception(self, error: Exception) -> str:
        """Whatever else happens in a session is told to who began it as something that may pass."""
        REPORTS.labels("trouble").inc()
        get_logger().error("report.trouble", kind=type(error).__name__)
        return _LATER

    def _has_room(self) -> bool:
        now = self._clock.now()
        if now - self._minute >= timedelta(minutes=1):
            self._minute, self._taken = now, 0
        self._taken += 1
        return self._taken <= self._a_minute


def doors(pool: Pool, returns: Returns | None, clock: Clock, settings: Settings) -> list[Coroutine[None, None, None]]:
    """What is to run so that reports are taken: nothing when there is no place for them."""
    if returns is None or settings.reports_listen is None:
        return []
    return [Door(pool, returns, clock, settings).serve(settings.reports_listen)]
