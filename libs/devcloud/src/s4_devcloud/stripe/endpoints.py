"""Where events are delivered to: the command line's endpoint, those of the v1 API and those of the v2 API."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from s4_devcloud.stripe.settings import Settings
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.thin import thin_type
from s4_devcloud.stripe.wire import Wire, new_id

COMMAND_LINE = "command line"  # the name of the endpoint that is in no list, like that of Stripe's own command
_SIGNING = "_signing"  # the kind of what an endpoint signs with


@dataclass(frozen=True)
class Endpoint:
    """Where events go, and which."""

    name: str
    url: str
    secret: str = field(repr=False)
    enabled_events: tuple[str, ...] = ("*",)
    is_thin: bool = False

    def wants(self, event: Wire) -> bool:
        """Whether an event is delivered here."""
        named = thin_type(event) if self.is_thin else str(event["type"])
        return named is not None and ("*" in self.enabled_events or named in self.enabled_events)


def all_endpoints(tx: Transaction, settings: Settings) -> Iterator[Endpoint]:
    """Those that are enabled now."""
    if settings.webhook_url is not None:
        yield Endpoint(COMMAND_LINE, settings.webhook_url, settings.webhook_secret or "")
    for row in tx.newest_first("webhook_endpoint"):
        if row["status"] == "enabled":
            yield Endpoint(row["id"], row["url"], secret_of(tx, row), tuple(row["enabled_events"]))
    for row in tx.newest_first("v2.core.event_destination"):
        if row["status"] == "enabled":
            url, events = row["webhook_endpoint"]["url"], tuple(row["enabled_events"])
            yield Endpoint(row["id"], url, secret_of(tx, row), events, is_thin=row["event_payload"] == "thin")


def new_secret(tx: Transaction, endpoint: Wire) -> str:
    """The endpoint's signing secret, which is shown once."""
    secret = new_id("whsec", 32)
    tx.put({"id": endpoint["id"], "object": _SIGNING, "secret": secret})
    return secret


def secret_of(tx: Transaction, endpoint: Wire) -> str:
    """The endpoint's signing secret, to sign with."""
    return str(tx.need(_SIGNING, endpoint["id"])["secret"])
