"""How much each grid holds: by its host's account, or counted in its bucket; told when that is news."""

from datetime import datetime, timedelta

from s4_aws.buckets import Measure
from s4_contracts.ids import GridId, HostId
from s4_contracts.provisioner import UsageMeasured
from s4_provisioner import store as grids
from s4_provisioner.drivers.contract import HostReport
from s4_provisioner.grids import present
from s4_provisioner.health.remedy import LENDING_HELPS
from s4_provisioner.health.settings import HealthSettings
from s4_provisioner.tools import Tools
from s4_runtime import Permanent, Temporary, context, get_logger
from s4_store import Pool, Record, Transaction

_NOTICEABLE_BYTES = 64 * 2**20
_NOTICEABLE_PARTS = 100  # one of a hundred
_TOLD_EVERY = timedelta(days=1)
_BATCH = 10
_HELD_OFF = timedelta(minutes=30)  # until a bucket is counted again whose counting failed, or was killed
_AT_MOST_PAGES = 10_000  # ten million objects, and as many requests as pages
_CLAIM = """
with due as materialized (
    select id from grids where look_at is not null and (measure_at <= $1 or measure_at is null and proved_at < $3)
    order by measure_at limit $2 for no key update skip locked
)
update grids g set measure_at = $1::timestamptz + $4::interval from due where g.id = due.id
returning g.id, g.bucket, g.region
"""


def is_news(held: int, told: int | None, told_at: datetime | None, now: datetime) -> bool:
    """Whether the others should hear what is held: it has changed by more than 1 % or 64 MiB, or a day has passed."""
    if told is None or told_at is None or now - told_at >= _TOLD_EVERY:
        return True
    change = abs(held - told)
    return change > _NOTICEABLE_BYTES or change * _NOTICEABLE_PARTS > max(held, told)


async def keep_usage(
    tx: Transaction, host_id: HostId, report: HostReport, settings: HealthSettings, now: datetime
) -> list[GridId]:
    """What the host says that its grids hold, and why a node of them cannot use its bucket, is kept; news is told.

    Whose node lacks a session that is good.
    """
    rows = await tx.fetch(
        "select id, told_bytes, told_at, stored_bytes, stored_objects, bucket_code, measure_at from grids"
        " where host_id = $1 and look_at is not null order by id",
        host_id,
    )
    lacking = []
    for row in rows:
        told = report.grids.get(GridId(row["id"]))
        if told is None:
            continue
        if told.bucket_code in LENDING_HELPS:
            lacking.append(GridId(row["id"]))
        if told.bucket_code != row["bucket_code"]:
            await tx.execute("update grids set bucket_code = $2 where id = $1", row["id"], told.bucket_code)
        if told.stored_bytes is not None and _is_due(row, (told.stored_bytes, told.stored_objects), settings, now):
            held = Measure(told.stored_objects or 0, told.stored_bytes, is_whole=True)
            await keep(tx, GridId(row["id"]), held, settings.measure_every, now)
    return lacking


def _is_due(row: Record, held: tuple[int, int | None], settings: HealthSettings, now: datetime) -> bool:
    """Whether there is anything to write: a grid at rest costs nothing at most reports."""
    is_soon = row["measure_at"] is None or row["measure_at"] - now < settings.measure_every / 2
    return held != (row["stored_bytes"], row["stored_objects"]) or is_soon


async def keep(tx: Transaction, grid_id: GridId, held: Measure, every: timedelta, now: datetime) -> None:
    """How much the grid holds is on record, and told if that is news."""
    row = await tx.fetchrow(
        "update grids set stored_bytes = $2, stored_objects = $3, measured_at = $4, measure_at = $5"
        " where id = $1 returning told_bytes, told_at",
        *(grid_id, held.bytes, held.objects, now, now + every),
    )
    if row is None or not is_news(held.bytes, row["told_bytes"], row["told_at"], now):
        return
    grid = present(await grids.grid(tx, grid_id))
    await tx.execute("update grids set told_bytes = $2, told_at = $3 where id = $1", grid_id, held.bytes, now)
    with context.bound(context.from_headers(grid.story)):
        await tx.emit(
            UsageMeasured(
                occurred_at=now,
                account_id=grid.account_id,
                signup_id=grid.signup_id,
                grid_id=grid.id,
                stored_bytes=held.bytes,
                objects=held.objects,
                quota_bytes=grid.quota_bytes,
                measured_at=now,
            )
        )
        await tx.post()


class Measuring:
    """Counts the buckets of grids whose hosts do not say how much they hold."""

    def __init__(self, pool: Pool, tools: Tools) -> None:
        self._pool, self._tools = pool, tools

    async def round(self) -> bool:
        """Some buckets that were due are counted; whether there may be more."""
        now, settings = self._tools.clock.now(), self._tools.settings
        async with self._pool.transaction() as tx:
            rows = await tx.fetch(_CLAIM, now, _BATCH, now - 2 * settings.report_every, _HELD_OFF)
        for row in rows:
            await self._count(GridId(row["id"]), row["bucket"], row["region"])
        return len(rows) == _BATCH

    async def _count(self, grid_id: GridId, bucket: str, region: str) -> None:
        try:
            found = await self._tools.cloud(region).buckets.measure(bucket, _AT_MOST_PAGES)
        except (Temporary, Permanent) as trouble:
            get_logger().warning("usage.not-counted", grid=grid_id, trouble=str(trouble))
            return
        if found.is_whole:
            async with self._pool.transaction() as tx:
                await keep(tx, grid_id, found, self._tools.settings.measure_every, self._tools.clock.now())
