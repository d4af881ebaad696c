"""What was asked of this server and what it delivered, for tests and for a person who looks."""

from collections import Counter, deque
from dataclasses import asdict, dataclass

from s4_devcloud.stripe.wire import Wire

_KEPT = 5000  # entries of each kind


@dataclass
class Request:
    """One API request. Bodies are not kept: they hold addresses."""

    request_id: str
    method: str
    path: str
    idempotency_key: str | None
    status: int | None = None
    replayed: bool = False
    fault: str | None = None


@dataclass(frozen=True)
class Delivery:
    """One try to deliver a webhook."""

    event: str
    type: str
    endpoint: str
    attempt: int
    mode: str
    status: int | None
    error: str | None


class Journal:
    """The latest requests and deliveries, and what was asked for that does not exist here."""

    def __init__(self) -> None:
        self.requests: deque[Request] = deque(maxlen=_KEPT)
        self.deliveries: deque[Delivery] = deque(maxlen=_KEPT)
        self.unimplemented: Counter[str] = Counter()

    def json(self) -> Wire:
        """Both journals, oldest first."""
        return {
            "requests": [asdict(request) for request in self.requests],
            "deliveries": [asdict(delivery) for delivery in self.deliveries],
        }

    def clear(self) -> None:
        """Forget all."""
        self.requests.clear()
        self.deliveries.clear()
        self.unimplemented.clear()
