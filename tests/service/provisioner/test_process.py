"""The service as it is run: commands, start, stop, and kill -9 in the middle of its work."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from s4_bus import relay
from s4_contracts.billing import SignupPaid
from s4_contracts.provisioner import FurlIssued, GridDeleted, InstanceReady
from s4_provisioner.names import grid_of_signup
from s4_runtime import Secret
from s4_store import Pool, migrate
from s4_store.testing import emitted
from support.grid_cloud import Cloud
from support.infra import TestDatabases
from support.operator_cli import Terminal
from support.provisioner import a_payment
from support.provisioner_process import ProvisionerProcess, pause
from support.subscriptions import Subscription
from support.waiting import until


@pytest.fixture
def database(new_database: str) -> str:
    """Without tables: the service's own command makes them."""
    return new_database


@pytest.fixture
async def process(
    state_dir: Path, cloud: Cloud, database: str, amqp_url: str, free_port: Callable[[], int]
) -> AsyncIterator[ProvisionerProcess]:
    made = ProvisionerProcess(state_dir, cloud, database, amqp_url, ports=(free_port(), free_port(), free_port()))
    yield made
    made.end(signal.SIGKILL)
    await asyncio.to_thread(cloud.end_machines, made.deployment)


@pytest.fixture
async def billing(postgres: TestDatabases, amqp_url: str) -> AsyncIterator[Pool]:
    """Where payments are told from: another service's database, with its relay."""
    url = postgres.create_database()
    await migrate(url, "s4_provisioner")
    async with Pool.open(url) as pool:
        task = asyncio.create_task(relay("billing", pool, Secret(amqp_url)))
        yield pool
        task.cancel()
        await asyncio.wait([task])
    postgres.drop_database(url)


async def test_a_start_without_its_tables_says_which_command_to_run(process: ProvisionerProcess) -> None:
    done = await asyncio.to_thread(process.command, "serve")

    assert done.returncode == 78
    assert "migrate" in done.stderr


async def test_migrating_twice_changes_nothing(process: ProvisionerProcess) -> None:
    first = await asyncio.to_thread(process.command, "migrate")
    second = await asyncio.to_thread(process.command, "migrate")

    assert (first.returncode, second.returncode) == (0, 0)
    assert "0001_grids.sql" in first.stdout
    assert "0001_grids.sql" not in second.stdout


@pytest.mark.parametrize(
    "arguments", [["migrate", "now"], *(pytest.param(each, marks=pytest.mark.long) for each in ([], ["nonsense"]))]
)
async def test_what_is_not_a_command_is_answered_with_those_that_are(
    process: ProvisionerProcess, arguments: list[str]
) -> None:
    done = await asyncio.to_thread(process.command, *arguments)

    assert done.returncode != 0
    assert "serve | migrate" in done.stderr


async def test_every_setting_that_is_missing_is_named_at_once(process: ProvisionerProcess) -> None:
    del process.environment["S4_SEAL_KEY_FILE"], process.environment["S4_GRID_DOMAIN"]
    done = await asyncio.to_thread(process.command, "serve")

    assert done.returncode == 78
    assert "S4_SEAL_KEY" in done.stderr
    assert "S4_GRID_DOMAIN" in done.stderr


async def test_a_seal_key_of_the_wrong_length_stops_the_start_and_is_not_shown(process: ProvisionerProcess) -> None:
    await asyncio.to_thread(process.command, "migrate")
    del process.environment["S4_SEAL_KEY_FILE"]
    process.environment["S4_SEAL_KEY"] = "c2hvcnQ="
    done = await asyncio.to_thread(process.command, "serve")

    assert done.returncode == 78
    assert "seal-key-unusable" in done.stderr
    assert "c2hvcnQ=" not in done.stdout + done.stderr


async def paid_and_ready(
    process: ProvisionerProcess, billing: Pool, kills: list[float], database: str
) -> tuple[str, SignupPaid]:
    """A payment, the service killed after each of these pauses and started again, and a ready grid."""
    await asyncio.to_thread(process.command, "migrate")
    payment = a_payment()
    grid_id = grid_of_signup(payment.signup_id)
    await process.start()
    async with billing.transaction() as tx:
        await tx.emit(payment)
    for seconds in kills:
        await pause(seconds)
        process.end(signal.SIGKILL)
        await process.start()
    async with Pool.open(database) as pool:
        is_ready = partial(pool.fetchval, "select stage = 'ready' from grids where id = $1", grid_id)
        await until(is_ready, within=60, what="the grid is ready")
        told = await emitted(pool)
    assert sum(isinstance(event, InstanceReady) for event in told) == 1
    assert sum(isinstance(event, FurlIssued) for event in told) == 1
    return grid_id, payment


@pytest.mark.long
@pytest.mark.parametrize("after", [0.3, 0.9])
async def test_killed_in_the_middle_and_started_again_it_makes_everything_once(
    process: ProvisionerProcess, billing: Pool, cloud: Cloud, database: str, after: float
) -> None:
    await paid_and_ready(process, billing, [after, after], database)

    assert len(cloud.instances(process.deployment)) == 1
    assert len(cloud.instances(process.deployment, "terminated", "shutting-down")) == 0
    assert len(cloud.buckets(process.deployment)) == 1
    assert len(cloud.roles(process.deployment)) == 1


async def test_it_says_how_it_does_and_ends_when_it_is_told(
    process: ProvisionerProcess, billing: Pool, database: str
) -> None:
    grid_id, _ = await paid_and_ready(process, billing, [], database)
    metrics = await process.metrics()
    terminal = Terminal(process.operators, "provisioner")
    history = (await terminal.json("grids", "show", grid_id))["history"]
    again = await terminal.json("grids", "recover", grid_id, "--note", "a test")

    assert 'provisioner_step_seconds_count{step="proof"} 1.0' in metrics
    assert "provisioner_oldest_unfinished_seconds" in metrics
    assert [moment["step"] for moment in history if moment["what"] == "step"] == [
        *("identity", "bucket", "credentials", "host", "boot", "node", "dns", "proof")
    ]
    assert again["stage"] == "bucket"
    assert process.end() == 0
    assert "pb://" not in process.log.read_text()
    assert "PRIVATE KEY" not in process.log.read_text()


@pytest.mark.long
@pytest.mark.parametrize("after", [0.1, 0.4])
async def test_killed_in_the_middle_of_a_removal_it_leaves_nothing_and_says_so_once(
    process: ProvisionerProcess, billing: Pool, cloud: Cloud, database: str, after: float
) -> None:
    grid_id, payment = await paid_and_ready(process, billing, [], database)
    async with billing.transaction() as tx:
        await tx.emit(Subscription(payment).ended(timedelta(0)))
    for _ in range(2):
        await pause(after)
        process.end(signal.SIGKILL)
        await process.start()
    async with Pool.open(database) as pool:
        is_gone = partial(pool.fetchval, "select stage = 'absent' from grids where id = $1", grid_id)
        await until(is_gone, within=60, what="the grid is gone")
        told = await emitted(pool)
        name = await pool.fetchval("select dns_name from grids where id = $1", grid_id)

    assert sum(isinstance(event, GridDeleted) for event in told) == 1
    assert cloud.remains(process.deployment, name) == {}
