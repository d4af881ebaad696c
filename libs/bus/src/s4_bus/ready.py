"""Whether the service can do its work on the bus."""

from __future__ import annotations

from s4_bus.metrics import CONNECTED
from s4_runtime import Readiness
from s4_store import Pool


def bus_ready(service: str, pool: Pool) -> Readiness:
    """Flags for serve_probes: the database answers; whichever of consumer and relay run here are connected."""

    async def flags() -> dict[str, bool]:
        found = {"database": await pool.is_reachable()}
        samples = [sample for metric in CONNECTED.collect() for sample in metric.samples]
        for part in ("consumer", "relay"):
            for sample in samples:
                if sample.labels == {"service": service, "part": part}:
                    found[part] = sample.value == 1
        return found

    return flags
