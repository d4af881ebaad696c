"""What a service says that it cannot do for now, and why. Pure."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from s4_cli.doctor.finding import Finding
from s4_cli.doctor.looking import Look

# By code: what is wrong, what to do, and the page.
_KNOWN: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "database-missing": (
            "its database is not there under this name",
            "was it dropped or renamed (psql --list)? rename it back, or restore it: s4 backup restore",
            "database-down",
        ),
        "database-closed": (
            "its database lets nobody in",
            "alter database NAME allow_connections true",
            "database-down",
        ),
        "database-login-refused": (
            "its database refuses its password, its role or its address",
            "compare the role's password with S4_DATABASE_URL, and pg_hba.conf with its address",
            "database-down",
        ),
        "database-full": (
            "the disk of its database is full",
            "make room or enlarge the volume; nothing has to be restarted but PostgreSQL if it stopped",
            "disk-full",
        ),
        "database-read-only": (
            "its database takes no changes",
            "is that a standby, or did the provider stop writes for want of space?",
            "database-down",
        ),
        "database-certificate-expired": (
            "the certificate of its database has ended",
            "renew it; the log line database.out says whose it is and since when",
            "certificate-expiring",
        ),
        "database-certificate-refused": (
            "the certificate of its database is for another name or of another authority",
            "compare the host and sslrootcert in S4_DATABASE_URL with the certificate",
            "certificate-expiring",
        ),
        "bus-blocked": (
            "the broker takes no events: its memory or its disk is short",
            "rabbitmq-diagnostics alarms; make room or enlarge the volume, then events flow by themselves",
            "disk-full",
        ),
        "bus-login-refused": (
            "the broker refuses its user",
            "compare its password with S4_AMQP_URL; python -m s4_bus users",
            "bus-disconnected",
        ),
        "bus-access-refused": (
            "its user at the broker lacks a right",
            "apply the broker's definitions (python -m s4_bus definitions)",
            "bus-disconnected",
        ),
        "bus-certificate-expired": (
            "the certificate of the broker has ended",
            "renew it; the log line bus.disconnected says whose it is and since when",
            "certificate-expiring",
        ),
        "bus-certificate-refused": (
            "the certificate of the broker is for another name or of another authority",
            "compare the host and cafile in S4_AMQP_URL with the certificate",
            "certificate-expiring",
        ),
        "mail-server-refuses-us": (
            "the mail server refuses our password",
            "compare S4_SMTP_USER and S4_SMTP_PASSWORD with what the provider says",
            "letter-waits",
        ),
        "mail-server-certificate-expired": (
            "the certificate of the mail server has ended",
            "tell who runs it; the log line mail.out says whose it is and since when",
            "certificate-expiring",
        ),
        "mail-server-certificate-refused": (
            "the certificate of the mail server is for another name or of another authority",
            "compare S4_SMTP_HOST and S4_SMTP_CA with the certificate",
            "certificate-expiring",
        ),
    }
)


def of_outages(look: Look) -> Iterator[Finding]:
    """One finding for each reason that the service names and we can explain."""
    codes = {sample.labels.get("code", "") for sample in look.samples if sample.name == "s4_outage" and sample.value}
    for code in sorted(codes & _KNOWN.keys()):
        what, do, runbook = _KNOWN[code]
        yield Finding(
            severity="critical",
            about=look.service,
            what=f"{what} ({code})",
            why="it is waited for and nothing is lost; customers wait, too",
            do=do,
            runbook=runbook,
        )
