"""What the invite agent is told."""

from datetime import timedelta
from pathlib import Path

from s4_runtime import Secret, ServiceSettings


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """Where web asks, where furls are read, and the mailbox server that clients and we meet at (a ws:// address).

    ``seal_key`` (32 bytes in base64) encrypts codes and what goes with them in the database. ``handshake_patience`` is
    how long a client may take after its first message. ``words_file`` has words, one a line, that codes are made of
    instead of syllables. ``lease`` is after what time another replica goes on with the invites of one that was
    killed, and ``most_held`` how many mailboxes one replica holds open.
    """

    listen: str
    service_token: Secret
    provisioner_url: str
    provisioner_token: Secret
    mailbox_url: str
    seal_key: Secret
    invite_lifetime: timedelta = timedelta(days=7)
    handshake_patience: timedelta = timedelta(minutes=15)
    words_file: Path | None = None
    lease: timedelta = timedelta(seconds=20)
    most_held: int = 2000
