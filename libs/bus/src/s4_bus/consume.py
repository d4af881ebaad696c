"""From the service's queue to its handlers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from s4_bus.routes import Route
from s4_runtime import Secret
from s4_store import Pool


async def consume(
    service: str,
    routes: Sequence[Route[Any]],
    pool: Pool,
    amqp_url: Secret | str,
    *,
    prefetch: int = 200,
    concurrency: int = 16,
) -> None:
    """Handle the service's events until cancelled; then finish what was begun, and acknowledge it."""
    raise NotImplementedError
