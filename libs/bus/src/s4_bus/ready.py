"""Whether the service can do its work on the bus."""

from __future__ import annotations

from s4_runtime import Readiness
from s4_store import Pool


def bus_ready(service: str, pool: Pool) -> Readiness:
    """Flags for serve_probes: database, consumer, relay."""

    async def flags() -> dict[str, bool]:
        return {f"{service}-database": await pool.is_reachable()}

    return flags
