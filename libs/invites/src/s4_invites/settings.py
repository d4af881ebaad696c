"""What the invite agent is told."""

from datetime import timedelta

from s4_runtime import Secret, ServiceSettings


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """Where web asks, where furls are read, and the mailbox server that clients and we meet at (a ws:// address).

    ``seal_key`` (32 bytes in base64) encrypts codes and what goes with them in the database.
    """

    listen: str
    service_token: Secret
    provisioner_url: str
    provisioner_token: Secret
    mailbox_url: str
    seal_key: Secret
    invite_lifetime: timedelta = timedelta(days=7)
