"""The owner takes everything along: addresses of what is stored, or keys that read it, each for an hour."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

import msgspec

from s4_aws.addresses import Place, signed
from s4_contracts.ids import AccountId, GridId
from s4_provisioner import store
from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import Wanted
from s4_provisioner.tools import Cloud, Tools
from s4_runtime import Permanent, Temporary, context
from s4_store import Pool

_KEY = msgspec.Meta(max_length=1024)  # S3, "Object key naming guidelines": bytes
_PAGE = msgspec.Meta(ge=1, le=1000)  # S3 API, ListObjectsV2


class NoSuchGrid(Permanent):
    """There is no such grid, or it is not this account's: who asks is not told which."""


class GridGone(Permanent):
    """The grid was given up."""


class NothingStored(Permanent):
    """The grid is still being made: it has no bucket yet."""


class ShutOut(Temporary):
    """Nobody with a session may use the bucket at present: the grid was being removed, and is being made again."""


class ExportPage(msgspec.Struct, frozen=True):
    """Who wants the addresses of which objects: up to ``limit`` whose keys follow ``after``."""

    account_id: AccountId
    after: Annotated[str, _KEY] | None = None
    limit: Annotated[int, _PAGE] = 1000


class ExportKeys(msgspec.Struct, frozen=True):
    """Who wants keys to the whole bucket."""

    account_id: AccountId


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What was given to the owner, for the record."""

    kind: str
    valid_until: datetime
    after: str | None = None
    objects: int | None = None


class Exports:
    """Gives out what reads a grid's bucket until the bucket is emptied, and writes down that it did."""

    def __init__(self, pool: Pool, tools: Tools) -> None:
        self._pool, self._tools, self._clock = pool, tools, tools.clock
        self._endpoint = tools.settings.aws_endpoint_url or None

    async def objects(self, grid_id: GridId, asked: ExportPage) -> dict[str, Any]:
        """Objects with addresses that anybody may fetch. On record before the answer leaves.

        Raises NoSuchGrid, GridGone, NothingStored, ShutOut, and the errors of s4_aws.trouble.
        """
        grid, bucket, cloud = await self._open(grid_id, asked.account_id)
        (found, has_more), session = await asyncio.gather(
            cloud.buckets.listed(bucket, asked.after, asked.limit), cloud.sessions.reading(bucket, grid.id)
        )
        place = Place(region=self._region(grid), bucket=bucket, endpoint=self._endpoint)
        keys = [each.key for each in found]
        urls = await asyncio.to_thread(signed, session, place, keys, self._clock.now())
        until = session.expires_at
        await self._note(grid, Given(kind="objects", valid_until=until, after=asked.after, objects=len(keys)))
        objects = [{**msgspec.to_builtins(each), "url": url} for each, url in zip(found, urls, strict=True)]
        return {"objects": objects, "next": keys[-1] if has_more else None, "urls_until": _told(until)}

    async def session(self, grid_id: GridId, asked: ExportKeys) -> dict[str, Any]:
        """Keys for any S3 client, which read and list this bucket and do nothing else. Raises the same."""
        grid, bucket, cloud = await self._open(grid_id, asked.account_id)
        session = await cloud.sessions.reading(bucket, grid.id)
        await self._note(grid, Given(kind="session", valid_until=session.expires_at))
        return {
            "bucket": bucket,
            "region": self._region(grid),
            "endpoint": self._endpoint,
            "access_key_id": session.access_key_id,
            "secret_access_key": session.secret_access_key.reveal(),
            "session_token": session.session_token.reveal(),
            "expires_at": _told(session.expires_at),
        }

    async def _open(self, grid_id: GridId, account_id: AccountId) -> tuple[Grid, str, Cloud]:
        """The grid, and its bucket, which a session opens."""
        grid = await store.grid(self._pool, grid_id)
        if grid is None or grid.account_id != account_id:
            raise NoSuchGrid("no-such-grid")
        if grid.wanted is Wanted.ABSENT:
            raise GridGone("grid-gone")
        if grid.bucket is None:
            raise NothingStored("grid-not-ready")
        cloud = self._tools.cloud(grid.region)
        if await cloud.buckets.denied(grid.bucket, await cloud.sessions.role_arn()):
            raise ShutOut("bucket-shut")
        return grid, grid.bucket, cloud

    def _region(self, grid: Grid) -> str:
        return grid.region or self._tools.settings.aws_region

    async def _note(self, grid: Grid, given: Given) -> None:
        """On record, if the grid is not being removed meanwhile. Raises GridGone."""
        async with self._pool.transaction() as tx:
            now_is = await store.grid(tx, grid.id)
            if now_is is None or now_is.wanted is Wanted.ABSENT:
                raise GridGone("grid-gone")
            await tx.execute(
                "insert into exports (grid_id, account_id, kind, after_key, objects, valid_until, correlation_id,"
                " given_at) values ($1, $2, $3, $4, $5, $6, $7, $8)",
                *(grid.id, grid.account_id, given.kind, given.after, given.objects, given.valid_until),
                *(context.current().correlation_id, self._clock.now()),
            )


def _told(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
