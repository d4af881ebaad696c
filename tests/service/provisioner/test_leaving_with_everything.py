"""What a page of ours says about leaving (docs/leaving-with-your-data.md), done with nothing of ours but the export."""

import asyncio
import secrets
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from s4_provisioner.capability import furl_of
from s4_provisioner.exporting import ExportPage, Exports
from s4_provisioner.lifecycle import Stage
from s4_shop.demo.tahoe import TahoeClient
from s4_shop.ports import free_port
from support.grid_cloud import Cloud
from support.owners import Owner
from support.provisioner import Desk, a_desk, a_payment, real_probe, real_tahoe
from support.waiting import until


async def fetched(desk: Desk, owner: Owner, folder: Path) -> None:
    """Every object, by the address that it was given, is a file of the name of its key."""
    exports, after = Exports(desk.pool, desk.tools), None
    while True:
        page = await exports.objects(owner.grid_id, ExportPage(account_id=owner.account_id, after=after, limit=3))
        for each in page["objects"]:
            file = folder / each["key"]
            file.parent.mkdir(parents=True, exist_ok=True)
            await asyncio.to_thread(urllib.request.urlretrieve, each["url"], file)
        after = page["next"]
        if after is None:
            return


@asynccontextmanager
async def running(tahoe: Path, folder: Path) -> AsyncIterator[None]:
    """A node of stock Tahoe-LAFS is served."""
    log = (folder / "log").open("wb")
    process = await asyncio.create_subprocess_exec(
        *(tahoe, "run", folder), stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()
        log.close()


async def made(tahoe: Path, kind: str, folder: Path, *arguments: str) -> None:
    port = free_port()
    where = (f"--port=tcp:{port}:interface=127.0.0.1", f"--location=tcp:127.0.0.1:{port}")
    command = [str(tahoe), f"create-{kind}", *where, *arguments, str(folder)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0


@pytest.mark.timeout(300)
async def test_what_was_exported_is_read_by_a_stock_client_from_a_stock_node(
    database: str, tahoe_cloud: Cloud, tmp_path: Path
) -> None:
    tahoe, probe = real_tahoe(tahoe_cloud, tmp_path), real_probe(tahoe_cloud)
    contents, payment = [secrets.token_bytes(size) for size in (300_000, 3_000_000)], a_payment()
    owner = Owner(payment)
    async with a_desk(database, tahoe_cloud, probe_command=probe) as desk, desk.converging():
        grid = await desk.comes_to(await desk.pay(payment), Stage.READY, within=90)
        async with TahoeClient.running(tahoe, furl_of(grid, desk.tools.seal, hint=True).reveal()) as client:
            caps = [await client.put(contents[0], mutable=True), await client.put(contents[1])]
        await desk.tell(owner.paused())
        await desk.comes_to(grid.id, Stage.SUSPENDED)
        await fetched(desk, owner, tmp_path / "s4-export")

    introducer, storage = tmp_path / "introducer", tmp_path / "storage"
    await made(tahoe, "introducer", introducer)
    async with running(tahoe, introducer):
        file = introducer / "private" / "introducer.furl"
        await until(file.exists, within=60, what="the introducer has a furl")
        furl = file.read_text().strip()
        await made(tahoe, "node", storage, f"--introducer={furl}", "--webport=none")
        (storage / "storage").mkdir()
        (tmp_path / "s4-export" / "shares").rename(storage / "storage" / "shares")
        async with running(tahoe, storage), TahoeClient.running(tahoe, furl) as client:
            assert [await client.get(cap) for cap in caps] == contents
