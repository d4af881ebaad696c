"""The inventory names every state there is, and the page shows the inventory."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import asyncpg
import msgspec
import pytest
import yaml

from s4_billing.settings import Settings as BillingSettings
from s4_invites.settings import Settings as InvitesSettings
from s4_notifier.settings import Settings as NotifierSettings
from s4_ops.backup import after
from s4_ops.backup.inventory import inventory
from s4_provisioner.settings import Settings as ProvisionerSettings
from s4_runtime import Secret, SystemClock
from s4_shop.folder import StateFolder
from s4_shop.parts import parts
from s4_shop.wiring import SERVICES
from s4_support.settings import Settings as SupportSettings
from s4_web.settings import Settings as WebSettings
from support.backed_up import Installation
from support.wired import ROOT, wiring_in

PAGE = ROOT / "docs" / "operations" / "backup.md"
SETTINGS: dict[str, type[msgspec.Struct]] = {
    "web": WebSettings,
    "billing": BillingSettings,
    "provisioner": ProvisionerSettings,
    "notifier": NotifierSettings,
    "invites": InvitesSettings,
    "support": SupportSettings,
}
# Of a manifest: where a Secret is mounted or read from.
NAMED = ("secretName", "secretKeyRef", "secretRef")


def test_every_service_has_a_database_in_it() -> None:
    assert set(inventory().databases) == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
async def test_every_table_is_in_it(installation: Installation, service: str) -> None:
    sql = "select tablename from pg_tables where schemaname = 'public' order by 1"
    connection: asyncpg.Connection[asyncpg.Record] = await installation.connect(service)
    try:
        tables = {str(row["tablename"]) for row in await connection.fetch(sql)}
    finally:
        await connection.close()

    assert tables == set(inventory().tables(service))


def test_every_secret_file_of_a_shop_is_in_it(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "shop")
    wiring = wiring_in(folder)
    parts(wiring)
    wiring.backup_settings()
    files = {each.name for each in (folder.root / "secrets").iterdir()}

    assert files == {name for entry in inventory().secrets.values() for name in entry.local}


@pytest.mark.parametrize("service", SERVICES)
def test_every_secret_setting_is_in_it(service: str) -> None:
    hints = get_type_hints(SETTINGS[service])
    secret = {name.replace("_", "-") for name, kind in hints.items() if Secret in (kind, *get_args(kind))}

    assert {f"{service}/{name}" for name in secret} == {
        key for entry in inventory().secrets.values() for key in entry.kubernetes if key.startswith(f"{service}/")
    }


def test_every_secret_of_the_manifests_is_in_it() -> None:
    known = {key.partition("/")[0] for entry in inventory().secrets.values() for key in entry.kubernetes}

    assert set(secrets_of_manifests()) <= known


def secrets_of_manifests() -> Iterator[str]:
    """The name of each Secret that something in k8s/ reads."""
    for file in sorted((ROOT / "k8s").rglob("*.yaml")):
        for document in yaml.load_all(file.read_text(encoding="utf-8"), yaml.CSafeLoader):
            yield from secrets_in(document)


def secrets_in(node: object) -> Iterator[str]:
    match node:
        case dict():
            for key, value in node.items():
                if key in NAMED:
                    yield str(value["name"] if isinstance(value, dict) else value)
                elif key == "secret" and isinstance(value, dict) and "name" in value:
                    yield str(value["name"])  # a source of a projected volume
                else:
                    yield from secrets_in(value)
        case list():
            for each in node:
                yield from secrets_in(each)
        case _:
            pass


@pytest.mark.parametrize("number", range(len(after.steps(inventory()))))
async def test_every_step_after_a_restore_asks_what_a_database_can_answer(
    installation: Installation, number: int
) -> None:
    step = after.steps(inventory())[number]
    connection = await installation.connect(step.database)
    try:
        assert await connection.fetchval(step.sql, SystemClock().now()) in (True, False)
    finally:
        await connection.close()


def test_the_page_shows_it() -> None:
    shown = re.search(r"<!-- inventory -->\n\n(.*)\n<!-- end -->", PAGE.read_text(encoding="utf-8"), re.DOTALL)

    assert shown
    assert shown[1] == inventory().drawn(), "s4 backup inventory prints it"
