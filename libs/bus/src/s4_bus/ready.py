"""Whether the service can do its work on the bus."""

from __future__ import annotations

from prometheus_client import REGISTRY

from s4_runtime import Readiness
from s4_store import Pool


def bus_ready(service: str, pool: Pool) -> Readiness:
    """Flags for serve_probes: the database answers; whichever of consumer and relay run here are connected."""

    async def flags() -> dict[str, bool]:
        found = {"database": await pool.is_reachable()}
        for part in ("consumer", "relay"):
            value = REGISTRY.get_sample_value("s4_bus_connected", {"service": service, "part": part})
            if value is not None:
                found[part] = value == 1
        return found

    return flags
