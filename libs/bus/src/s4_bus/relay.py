"""From the outbox to the exchange."""

from __future__ import annotations

from s4_runtime import Secret
from s4_store import Pool


async def relay(service: str, pool: Pool, amqp_url: Secret | str) -> None:
    """Publish the service's outbox until cancelled."""
    raise NotImplementedError
