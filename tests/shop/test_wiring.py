"""Every service is told exactly what its settings ask for, and keeps its secrets in files."""

import asyncio
import socket
from pathlib import Path

import asyncpg
import pytest

from s4_billing.settings import read as read_billing
from s4_notifier.settings import Settings as NotifierSettings
from s4_provisioner.settings import Settings as ProvisionerSettings
from s4_runtime import load
from s4_shop import addresses, keys
from s4_shop.addresses import LISTENERS, PortTaken
from s4_shop.folder import StateFolder
from s4_shop.options import Options, default_options, state_folder
from s4_shop.parts import parts
from s4_shop.plan import Part
from s4_shop.preparations import run_databases
from s4_shop.wiring import SERVICES, Wiring
from s4_web.settings import Settings as WebSettings
from support.infra import TestDatabases

ROOT = Path(__file__).resolve().parents[2]


def wiring_in(folder: StateFolder, **options: object) -> Wiring:
    folder.create()
    chosen = Options(repository=ROOT, driver="nspawn", images=ROOT / "i", node=ROOT / "n", **options)  # type: ignore[arg-type]  # any option
    return Wiring(folder, addresses.choose(folder, {}), chosen)


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "shop")


def test_every_service_accepts_its_settings(folder: StateFolder) -> None:
    wiring = wiring_in(folder)
    assert load(WebSettings, wiring.service("web")).public_url == wiring.addresses.url("web")
    assert load(ProvisionerSettings, wiring.service("provisioner")).furl_address_hint
    assert load(NotifierSettings, wiring.service("notifier")).smtp_port == wiring.addresses.port("smtp")
    assert read_billing(wiring.service("billing")).stripe_api_url == wiring.addresses.url("stripe")


def test_both_ends_of_an_edge_hold_the_same_token(folder: StateFolder) -> None:
    wiring = wiring_in(folder)
    web = load(WebSettings, wiring.service("web"))
    assert web.billing_token.reveal() == read_billing(wiring.service("billing")).service_token.reveal()
    provisioner = load(ProvisionerSettings, wiring.service("provisioner"))
    assert web.provisioner_token.reveal() == provisioner.service_token.reveal()
    assert web.billing_token.reveal() != web.provisioner_token.reveal()


def test_no_secret_stands_in_the_plan(folder: StateFolder) -> None:
    planned = parts(wiring_in(folder))
    public = {"claim-public-key", "stripe-publishable-key", "stripe-secret-key"}  # the double's key is its argument
    files = [path for path in (folder.root / "secrets").iterdir() if path.name not in public]
    told = "\n".join(f"{part.argv} {dict(part.env)}" for part in planned)
    assert len(files) > 15
    assert [path.name for path in files if path.read_text() in told] == []
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_an_option_adds_settings_to_one_service_alone(folder: StateFolder) -> None:
    wiring = wiring_in(folder, environment={"provisioner": {"S4_CONCURRENCY": "4"}})
    assert load(ProvisionerSettings, wiring.service("provisioner")).concurrency == 4
    assert "S4_CONCURRENCY" not in wiring.service("web")


def test_everything_that_a_part_needs_is_a_part(folder: StateFolder) -> None:
    planned = parts(wiring_in(folder))
    names = [part.name for part in planned]
    assert len(names) == len(set(names))
    assert {need for part in planned for need in (*part.needs, *part.repeat_after)} <= set(names)
    assert set(LISTENERS.values()) <= set(names)


def needed_by(planned: list[Part], name: str) -> set[str]:
    direct = next(part.needs for part in planned if part.name == name)
    return set(direct).union(*(needed_by(planned, need) for need in direct))


def test_no_service_starts_before_its_database_is_migrated_and_the_broker_answers(folder: StateFolder) -> None:
    planned = parts(wiring_in(folder))
    for service in SERVICES:
        assert {f"{service}-migrate", "databases", "postgres", "rabbitmq"} <= needed_by(planned, service)


def test_the_plan_is_the_same_as_long_as_nothing_changes(folder: StateFolder) -> None:
    assert parts(wiring_in(folder)) == parts(wiring_in(folder))


def test_ports_are_kept_and_only_a_taken_one_is_changed(folder: StateFolder) -> None:
    folder.create()
    first = addresses.choose(folder, {})
    with socket.create_server(("127.0.0.1", first.port("web"))):
        second = addresses.choose(folder, {})
    assert second.port("web") != first.port("web")
    others = [name for name in LISTENERS if name != "web"]
    assert [second.port(name) for name in others] == [first.port(name) for name in others]
    assert len({second.port(name) for name in LISTENERS}) == len(LISTENERS)


def test_a_port_that_was_asked_for_is_used_or_named_when_it_is_taken(folder: StateFolder) -> None:
    folder.create()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"SHOP_PORT_WEB={port}: another program listens"):
            addresses.choose(folder, {"SHOP_PORT_WEB": str(port)})
    assert addresses.choose(folder, {"SHOP_PORT_WEB": str(port)}).port("web") == port


def test_a_driver_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="SHOP_DRIVER=docker"):
        default_options(ROOT, {"SHOP_DRIVER": "docker"})
    assert default_options(ROOT, {"SHOP_DRIVER": "sshd"}).driver == "sshd"


def test_the_state_folder_is_in_the_clone_unless_said_otherwise(tmp_path: Path) -> None:
    assert state_folder(tmp_path, {}) == tmp_path / ".s4" / "shop"
    assert state_folder(tmp_path, {"SHOP_STATE": str(tmp_path / "x")}) == tmp_path / "x"


def test_a_public_key_belongs_to_its_private_key() -> None:
    private = keys.signing_key()
    assert keys.public_half(private) == keys.public_half(private)
    assert keys.public_half(private) != keys.public_half(keys.signing_key())
    assert keys.ssh_key().startswith("-----BEGIN OPENSSH PRIVATE KEY-----")


async def test_each_service_may_enter_its_own_database_and_no_other(
    folder: StateFolder, postgres: TestDatabases
) -> None:
    wiring_in(folder).service("web")
    for service in SERVICES:
        folder.token(f"database-{service}")
    (folder.root / "secrets" / "database-url-operator").write_text(postgres.cluster.url())
    try:
        await asyncio.to_thread(run_databases, folder)
        await asyncio.to_thread(run_databases, folder)
        password = (folder.root / "secrets" / "database-web").read_text()
        own = await asyncpg.connect(postgres.cluster.url("web", user="web", password=password))
        await own.execute("create table t (n int)")
        await own.close()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(postgres.cluster.url("billing", user="web", password=password))
    finally:
        for service in SERVICES:
            postgres.cluster.run(f"drop database if exists {service} with (force)")
            postgres.cluster.run(f"drop role if exists {service}")
