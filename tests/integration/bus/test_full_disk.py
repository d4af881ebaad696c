"""The disk of a service's database is full: events wait, it is said why, and with room each has its effect once."""

import os
import pwd
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from prometheus_client import REGISTRY

from s4_runtime import new_id, outages
from s4_store import DatabaseUnavailable, Pool, migrate
from support.bus import Bus
from support.infra import TestDatabases
from support.running import running
from support.waiting import until

from .conftest import EFFECTS

pytestmark = pytest.mark.long
FILLING = "insert into ballast select repeat(md5(random()::text), 250) from generate_series(1, 100)"


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 24 MB, which PostgreSQL's account may write to."""
    if os.geteuid() != 0:
        if os.environ.get("CI") == "true":
            pytest.fail("only root makes disks")
        pytest.skip("only root makes disks")
    folder = Path(tempfile.mkdtemp(prefix="s4-small-disk-"))
    account = pwd.getpwnam("postgres")
    folder.chmod(0o711)
    disk = folder / "disk"
    disk.mkdir()
    options = f"size=24m,mode=700,uid={account.pw_uid},gid={account.pw_gid}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)
    disk.rmdir()
    folder.rmdir()


@pytest.fixture
async def cramped(small_disk: Path, postgres: TestDatabases, bus: Bus) -> AsyncIterator[Bus]:
    """The receiver's database is on the small disk."""
    outages.back("consumer")
    name = f"small_{new_id().replace('-', '')}"
    postgres.cluster.run(f"create tablespace {name} location '{small_disk}'")
    postgres.cluster.run(f"create database {name} tablespace {name}")
    url = postgres.cluster.url(name)
    await migrate(url, "s4_store")
    connection = await asyncpg.connect(url)
    await connection.execute(f"{EFFECTS}; create table ballast (text text)")
    await connection.execute("alter table ballast alter text set storage external")
    await connection.close()
    async with Pool.open(url) as far:
        yield Bus(bus.sender, far, bus.amqp_url)
    postgres.drop_database(url)
    postgres.cluster.run(f"drop tablespace {name}")


async def is_full(pool: Pool) -> bool:
    try:
        await pool.execute(FILLING)
    except DatabaseUnavailable as trouble:
        return trouble.code == "database-full"
    return False


async def test_while_the_disk_of_its_database_is_full_a_service_waits_and_then_each_event_has_its_effect_once(
    cramped: Bus,
) -> None:
    ids = await cramped.emit(3)
    async with running(cramped.relaying(), cramped.consuming()):
        await cramped.each_once(ids)
        await until(lambda: is_full(cramped.receiver), within=30, what="the disk is full")
        while len(ids) < 3000 and await everything_arrives(cramped, ids):
            ids += await cramped.emit(200)
        full = {"part": "consumer", "code": "database-full"}
        await until(lambda: REGISTRY.get_sample_value("s4_outage", full) == 1, within=20, what="it is said why")
        assert sum((await cramped.effects()).values()) < len(ids)

        await cramped.receiver.execute("drop table ballast")
        await cramped.each_once(ids, within=60)
        await until(lambda: REGISTRY.get_sample_value("s4_outage", full) is None, within=20, what="it is over")
    assert await cramped.settled()


async def everything_arrives(bus: Bus, ids: list[str]) -> bool:
    """Whether events still have their effect: the last page of a table has some room."""
    try:
        await bus.each_once(ids, within=3)
    except AssertionError:
        return False
    return True
