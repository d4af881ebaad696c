"""What a run of the stand-in is told."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Settings:
    """Read once from the command line."""

    listen: str
    control: str
    secret_key: str = field(repr=False)
    publishable_key: str
    public_url: str
    webhook_url: str | None = None
    webhook_secret: str | None = field(default=None, repr=False)
    retry_seconds: float = 0.5
    webhook_timeout_seconds: float = 10.0


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`."""
    host, _, port = address.rpartition(":")
    return host, int(port)
