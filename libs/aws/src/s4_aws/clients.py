"""One session for the life of the process, and one client per AWS service and region: all calls go at one pace."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session
from botocore.loaders import create_loader

from s4_aws.budget import patience
from s4_aws.pace import Pace
from s4_aws.trouble import THROTTLING
from s4_runtime import Clock, SystemClock

# Each request may take this long. botocore repeats once what failed or was throttled, at our pace like every request;
# longer trouble is the converger's.
_CONFIG: dict[str, Any] = {
    "connect_timeout": 5,
    "read_timeout": 20,
    "retries": {"mode": "standard", "total_max_attempts": 2},
    "max_pool_connections": 32,
}
# AWS's description of its own services, which is megabytes, is read once in a process.
_DESCRIPTIONS = create_loader()
_REGIONAL = {
    "ec2": "ec2",
    "s3": "s3",
    "sts": "sts",
    "quotas": "service-quotas",
    "tagging": "resourcegroupstaggingapi",
}
_GLOBAL = {"iam": "iam", "route53": "route53"}


class Clients(msgspec.Struct, frozen=True, kw_only=True):
    """Open clients. Their classes are made at run time, so the type checker cannot know them."""

    region: str
    pace: Pace
    ec2: Any
    s3: Any
    sts: Any
    quotas: Any
    tagging: Any
    iam: Any
    route53: Any


class Regions:
    """Clients of whatever region is asked for, opened when it is first asked for."""

    def __init__(self, session: AioSession, stack: AsyncExitStack, endpoint_url: str | None, pace: Pace) -> None:
        self._session = session
        self._stack = stack
        self._endpoint_url = endpoint_url or None
        self._lock = asyncio.Lock()
        self._open: dict[str, Clients] = {}
        self._global: dict[str, Any] = {}
        self.pace = pace

    async def of(self, region: str) -> Clients:
        """The region's clients; those of services that have no regions are the same in all of them."""
        async with self._lock:
            if region not in self._open:
                if not self._global:
                    self._global = {kind: await self._client(name, region) for kind, name in _GLOBAL.items()}
                regional = {kind: await self._client(name, region) for kind, name in _REGIONAL.items()}
                self._open[region] = Clients(region=region, pace=self.pace, **regional, **self._global)
            return self._open[region]

    async def _client(self, service: str, region: str) -> Any:
        client = await self._stack.enter_async_context(
            self._session.create_client(
                service, region_name=region, endpoint_url=self._endpoint_url, config=AioConfig(**_CONFIG)
            )
        )
        place = region if service in _REGIONAL.values() else ""
        _keep_pace(client, self.pace, service, place)
        return client


def _keep_pace(client: Any, pace: Pace, service: str, region: str) -> None:
    """Every request of the client, also a repeated one, waits for its turn; a throttling answer slows the next ones."""

    async def wait(operation_name: str, **_event: object) -> None:
        await pace.take(service, operation_name, region, patience())

    async def learn(parsed_response: dict[str, Any] | None, event_name: str, **_event: object) -> None:
        if str((parsed_response or {}).get("Error", {}).get("Code", "")) in THROTTLING:
            pace.throttled(service, event_name.rpartition(".")[2], region)

    events, named = client.meta.events, client.meta.service_model.service_id.hyphenize()
    # Before signing: a signature that waited might be too old (aiobotocore, AioEndpoint.create_request).
    events.register_first(f"request-created.{named}", wait, unique_id="s4-wait")
    events.register(f"response-received.{named}", learn, unique_id="s4-learn")


@asynccontextmanager
async def open_regions(
    endpoint_url: str | None, clock: Clock | None = None, pace: Pace | None = None
) -> AsyncIterator[Regions]:
    """Clients with the credentials of the standard chain; all at ``endpoint_url`` if one is given."""
    async with AsyncExitStack() as stack:
        session = get_session()
        session.register_component("data_loader", _DESCRIPTIONS)
        yield Regions(session, stack, endpoint_url, pace or Pace(clock or SystemClock()))


@asynccontextmanager
async def open_clients(region: str, endpoint_url: str | None) -> AsyncIterator[Clients]:
    """The clients of one region."""
    async with open_regions(endpoint_url) as regions:
        yield await regions.of(region)
