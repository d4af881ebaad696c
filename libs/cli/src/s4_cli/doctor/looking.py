"""A look at one service's probes: whether it runs, what it lacks, what it counts, and what its clock says."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
import msgspec

from s4_cli.doctor.metrics import Sample, read
from s4_runtime import Clock

_PATIENCE = 5.0  # seconds for one question
_MOST_BYTES = 16 * 1024 * 1024


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What a service's probes said, and when (ours). ``parts`` are readiness flags by name."""

    service: str
    url: str
    at: datetime
    answers: bool = False
    parts: Mapping[str, bool] = {}
    samples: list[Sample] = []
    its_time: datetime | None = None

    def values(self, name: str, **labels: str) -> dict[str, float]:
        """Values of a metric with these labels, by the first label that was not asked for."""
        found = {}
        for sample in self.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                rest = [value for key, value in sample.labels.items() if key not in labels and key != "service"]
                found[rest[0] if rest else ""] = sample.value
        return found

    def largest(self, name: str, **labels: str) -> float | None:
        """The largest of them, if there is any."""
        return max(self.values(name, **labels).values(), default=None)


async def look_at_all(probes: Mapping[str, str], clock: Clock) -> list[Look]:
    """A look at each service, all at once."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE)) as session:
        return list(await asyncio.gather(*(look(session, name, url, clock) for name, url in probes.items())))


async def look(session: aiohttp.ClientSession, service: str, url: str, clock: Clock) -> Look:
    """What can be learned of a service; one that does not answer is a look, too."""
    base = url.rstrip("/")
    try:
        async with session.get(f"{base}/readyz", allow_redirects=False) as answer:
            parts, at, date = await answer.json(), clock.now(), answer.headers.get("Date", "")
        async with session.get(f"{base}/metrics", allow_redirects=False) as answer:
            text = (await answer.content.read(_MOST_BYTES)).decode("utf-8", "replace")
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return Look(service=service, url=base, at=clock.now())
    flags = {str(name): value is True for name, value in parts.items()} if isinstance(parts, dict) else {}
    samples = read(text)
    return Look(service=service, url=base, at=at, answers=True, parts=flags, samples=samples, its_time=_time_of(date))


def _time_of(date: str) -> datetime | None:
    try:
        return parsedate_to_datetime(date).astimezone(UTC)
    except ValueError:
        return None
