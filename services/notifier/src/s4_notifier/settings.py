"""What the notifier is told at start."""

from datetime import timedelta
from pathlib import Path

from s4_runtime import Secret, ServiceSettings


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """The mail server, the sender (a person reads the answers), and the key that signs links (Ed25519, PEM)."""

    smtp_host: str
    smtp_port: int
    smtp_user: str
    smtp_password: Secret
    mail_from: str
    public_url: str
    claim_private_key: Secret
    smtp_ca: Path | None = None
    smtp_timeout: timedelta = timedelta(seconds=20)
    concurrency: int = 8
    link_lifetime: timedelta = timedelta(days=7)
    sign_in_lifetime: timedelta = timedelta(minutes=30)
    # What web is told of a change of address may be confirmed for; web itself decides when it is too late.
    email_lifetime: timedelta = timedelta(days=1)
    # Counted from when the furl was issued.
    reminder_after: timedelta = timedelta(days=3)
    first_checklist_after: timedelta = timedelta(days=1)
    second_checklist_after: timedelta = timedelta(days=7)
    # An outage that took longer is told when it is over; one that takes longer than the second, while it lasts.
    outage_told_from: timedelta = timedelta(minutes=15)
    loss_told_after: timedelta = timedelta(hours=1)
    # Where reports of what came back are taken, HOST:PORT, and the domain whose mail is led there (by default, that of
    # mail_from). Without a place to take them, letters ask for none.
    reports_listen: str | None = None
    reports_domain: str | None = None
    reports_a_minute: int = 600
    # RFC 5321, section 4.5.4.1: give up after 4-5 days.
    give_up_after: timedelta = timedelta(days=4)
