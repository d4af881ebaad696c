"""One client per AWS service for the life of the process: connections are kept, service models are read once."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

# Each request may take this long; botocore repeats one that fails at once or is throttled, with its own short
# backoff, before we hear of it. Longer trouble is the converger's.
_CONFIG: dict[str, Any] = {
    "connect_timeout": 5,
    "read_timeout": 20,
    "retries": {"mode": "standard", "max_attempts": 3},
    "max_pool_connections": 32,
}


class Clients(msgspec.Struct, frozen=True):
    """Open clients. Their classes are made at run time, so the type checker cannot know them."""

    ec2: Any
    s3: Any
    iam: Any
    route53: Any


@asynccontextmanager
async def open_clients(region: str, endpoint_url: str | None) -> AsyncIterator[Clients]:
    """Clients with the credentials of the standard chain; all at ``endpoint_url`` if one is given."""
    session = get_session()
    config = AioConfig(**_CONFIG)
    async with AsyncExitStack() as stack:
        opened = {
            name: await stack.enter_async_context(
                session.create_client(name, region_name=region, endpoint_url=endpoint_url or None, config=config)
            )
            for name in ("ec2", "s3", "iam", "route53")
        }
        yield Clients(**opened)
