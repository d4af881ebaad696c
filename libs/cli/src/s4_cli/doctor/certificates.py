"""Certificates that have ended or soon will. Looked at as a client would, and without trust to read their dates."""

import asyncio
import contextlib
import ssl
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from urllib.parse import urlsplit

import msgspec
from cryptography import x509

from s4_cli.doctor.finding import Finding
from s4_runtime.certificates import Before, encrypted

_PATIENCE = 5.0  # seconds for one handshake
_SOON, _AT_ONCE = timedelta(days=21), timedelta(days=3)
_PORTS = {"https": 443, "amqps": 5671, "wss": 443, "postgresql": 5432, "smtp": 587}
_BEFORE: Mapping[str, Before] = MappingProxyType({"postgresql": "postgresql", "smtp": "smtp"})


class Certificate(msgspec.Struct, frozen=True):
    """Until when the certificate at an address is good; None when nobody answers there with one."""

    address: str
    ends_at: datetime | None


async def look(address: str) -> Certificate:
    """The certificate at an address: https://s4.example, amqps://rabbitmq:5671, postgresql://HOST, smtp://HOST."""
    parts = urlsplit(address if "://" in address else f"https://{address}")
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(_PATIENCE):
            writer = await encrypted(host, port, context, _BEFORE.get(parts.scheme, "nothing"))
    except (OSError, TimeoutError, ValueError):
        return Certificate(address, None)
    try:
        found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return Certificate(address, x509.load_der_x509_certificate(found).not_valid_after_utc)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def of_certificate(certificate: Certificate, now: datetime) -> Iterator[Finding]:
    """What is wrong with it. Pure."""
    if certificate.ends_at is None:
        yield _finding(certificate.address, "nobody answers there with a certificate", is_over=True)
        return
    left = certificate.ends_at - now
    if left <= timedelta():
        yield _finding(
            certificate.address, f"the certificate ended at {certificate.ends_at:%Y-%m-%d %H:%M}", is_over=True
        )
    elif left < _SOON:
        what = f"the certificate ends in {left.days} days, at {certificate.ends_at:%Y-%m-%d %H:%M}"
        yield _finding(certificate.address, what, is_over=left < _AT_ONCE)


def _finding(address: str, what: str, *, is_over: bool) -> Finding:
    return Finding(
        severity="critical" if is_over else "warning",
        about=address,
        what=what,
        why="from its end on no client connects: browsers warn, services lose the broker",
        do="it should renew by itself 30 days before: look at cert-manager's Certificate and its last event",
        runbook="certificate-expiring",
    )
