"""The drill: everything is destroyed but backups and buckets, and from nothing the installation serves again."""

import asyncio
import json
import os
import secrets
import shlex
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pyrage
import pytest

from s4_ops.backup import signatures
from s4_shop.demo.tahoe import TahoeClient
from s4_shop.folder import StateFolder
from s4_shop.options import Options, default_options
from s4_shop.shop import Shop
from s4_shop.wiring import REGION
from support.buyer import Buyer
from support.disaster import destroy, fresh_server, profile, typed
from support.infra import TestRun
from support.ledger import Ledger
from support.resolver import Resolver, needs_namespaces, resolver
from support.waiting import until
from support.wired import ROOT

pytestmark = pytest.mark.long
PLACE = "s3://s4-backups-of-another-account/drill"


@pytest.fixture
def options() -> Options:
    often = {"billing": {"S4_RECONCILE_EVERY": "PT10S"}}  # the test would wait for ten minutes
    return msgspec.structs.replace(default_options(ROOT, os.environ), durable=False, environment=often)


@pytest.fixture
async def shop(test_run: TestRun, options: Options) -> AsyncIterator[Shop]:
    needs_namespaces()
    async with Shop.open(StateFolder(test_run.folder / "drill").root, options) as opened:
        yield opened


class Person:
    """Who operates the installation: has the private key, the rights in the other account, and nothing else."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        key = pyrage.x25519.Identity.generate()
        self.identity, self.settings = folder / "identity", folder / "settings.json"
        self.identity.write_text(str(key))
        at = shop.folder.root / "secrets"
        told = {"deployment": "local", "server_url_file": str(at / "database-url-operator"), "secrets": str(at)}
        told |= {"profile": "backups", "region": REGION, "endpoint_url": shop.urls["aws"]}
        signed = {"signing_key_file": str(folder / "signing-key"), "signers": [signatures.new(folder / "signing-key")]}
        self.settings.write_text(json.dumps({**told, **signed, "recipients": [str(key.to_public())]}))
        self.environment = {**profile(folder), "SHOP_STATE": str(shop.folder.root)}

    async def s4(self, *words: object) -> str:
        status, said = await typed(*words, environment=self.environment)
        assert status == 0, said
        return said

    async def backup(self, command: str, *words: object) -> str:
        return await self.s4("backup", command, "--settings", self.settings, *words)


def client_by_name(options: Options, names: Resolver, folder: Path) -> Path:
    """An unmodified client that finds grids by their names."""
    program, node = folder / "tahoe", options.node / "bin"
    command = shlex.join(names.command(str(node / "python"), str(node / "tahoe")))
    program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    program.chmod(0o755)
    return program


@pytest.mark.timeout(900)
async def test_from_nothing_but_backups_and_buckets_old_clients_read_and_new_customers_buy(
    shop: Shop, options: Options, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    person, content = Person(shop, tmp_path), secrets.token_bytes(2_000_000)
    Ledger(shop).aws("s3").create_bucket(
        Bucket="s4-backups-of-another-account", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    with resolver(shop.urls["aws-control"], tmp_path) as names:
        program = client_by_name(options, names, tmp_path)
        async with Buyer.visiting(shop, "before") as buyer:
            await buyer.buy()
            await buyer.wait_until_ready()
            furl = await buyer.claim()
        async with TahoeClient.running(program, furl) as client:
            cap = await client.put(content)
            making = Seconds()
            await person.backup("create", "--to", PLACE)
            making.passed("backup made")
            late = await somebody_buys(shop, "late")
            destroy(shop)

            clock = Seconds()
            wiring = await fresh_server(shop, options)
            await person.backup("restore", "--from", PLACE, "--identity", person.identity, "--yes")
            await asyncio.to_thread(wiring.postgres.stop)
            clock.passed("databases and secrets restored")
            again = await Shop.up(shop.folder, options)
            clock.passed("services ready")
            assert await client.get_again(cap, within=300) == content
            clock.passed("an old client has read its file")
            assert (await client.round_trip()).size == 1_000_000
        await somebody_buys(again, "after")
        clock.passed("a new customer has a furl")
        await person.s4("billing", "drift", "--apply", "--lost")
        await until(lambda: has_welcomes(again, late, 2), within=200, what="who paid after the backup is given a grid")
        clock.passed("who paid after the backup has another grid")
    record_property("note", f"drill: {making}; from nothing: {clock}")
    await everything_follows(person, again, buyer.email)


async def somebody_buys(shop: Shop, name: str) -> str:
    """The address of who has bought, and was shown a furl."""
    async with Buyer.visiting(shop, name) as buyer:
        await buyer.buy()
        await buyer.wait_until_ready()
        assert (await buyer.claim()).startswith("pb://")
        return buyer.email


async def has_welcomes(shop: Shop, email: str, count: int) -> bool:
    """So many letters that lead to a furl came to the address."""
    return sum("/claim?token=" in letter["text"] for letter in await Ledger(shop).letters(email)) == count


class Seconds:
    """What happened when, in seconds since nothing was there."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._moments: list[str] = []

    def passed(self, what: str) -> None:
        self._moments.append(f"{what} {time.monotonic() - self._began:.1f} s")

    def __str__(self) -> str:
        return ", ".join(self._moments)


async def everything_follows(person: Person, shop: Shop, email: str) -> None:
    """The steps after a restore come to be done, and nobody was written or given anything twice."""
    await person.s4("sweep", "run", "--note", "restore drill")

    async def done() -> bool:
        status, said = await typed(
            "backup", "after-restore", "--settings", person.settings, environment=person.environment
        )
        print(said)  # noqa: T201  shown when the test fails
        return status == 0

    await until(done, within=120, what="all steps after the restore are done")
    holdings = await Ledger(shop).holdings(email)
    assert (holdings.grids, holdings.buckets, holdings.instances, holdings.letters) == (1, 1, 1, 1)
