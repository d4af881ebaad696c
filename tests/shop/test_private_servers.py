"""The private PostgreSQL and RabbitMQ, and that nothing of them stays behind."""

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from s4_shop import processes
from s4_shop.missing import NotReady
from s4_shop.postgres import PostgresCluster
from support.infra import TestBroker, TestDatabases, sweep
from support.waiting import until


async def test_a_fresh_database_is_empty_and_takes_rows(database: str) -> None:
    connection = await asyncpg.connect(database)
    assert await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'") == 0
    await connection.execute("create table t (n int)")
    assert await connection.execute("insert into t values (1)") == "INSERT 0 1"
    await connection.close()


async def test_two_databases_do_not_see_each_other(postgres: TestDatabases, database: str) -> None:
    other = postgres.create_database("other")
    one, two = await asyncpg.connect(database), await asyncpg.connect(other)
    await one.execute("create table only_here (n int)")
    assert await two.fetchval("select to_regclass('only_here')") is None
    await one.close()
    await two.close()
    postgres.drop_database(other)


async def test_a_wrong_database_password_is_refused(database: str) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(database.replace("s4-tests-only", "guess"))


def test_a_fresh_vhost_exists_with_our_permissions(broker: TestBroker, amqp_url: str) -> None:
    vhost = amqp_url.rpartition("/")[2]
    assert broker.call("GET", f"/api/queues/{vhost}") == []
    assert broker.call("GET", f"/api/permissions/{vhost}/s4")


def test_the_broker_listens_on_loopback_only(broker: TestBroker) -> None:
    ports = {broker.node.ports.amqp, broker.node.ports.management, broker.node.ports.distribution}
    listening = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout.splitlines()
    addresses = {line.split()[3] for line in listening if int(line.split()[3].rpartition(":")[2]) in ports}
    assert addresses == {f"127.0.0.1:{port}" for port in ports}


def test_a_private_cluster_starts_once_and_leaves_nothing(state_dir: Path, free_port: Callable[[], int]) -> None:
    cluster = PostgresCluster(folder=state_dir / "pg", port=free_port(), user="s4", password="pw", durable=False)
    cluster.start()
    first = processes.recall(cluster.folder / "server.pid")
    cluster.start()
    assert processes.recall(cluster.folder / "server.pid") == first
    assert cluster.run("select 40 + 2") == "42"
    cluster.stop()
    assert first is not None
    assert not first.is_alive
    assert not cluster.is_ready()
    data = cluster.data
    cluster.remove()
    assert not data.exists()
    assert not cluster.folder.exists()


def test_a_cluster_whose_port_is_taken_says_so_with_the_servers_words(state_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        cluster = PostgresCluster(folder=state_dir / "pg", port=port, user="s4", password="pw", durable=False)
        with pytest.raises(NotReady, match="in use"):
            cluster.start(within=10)
    cluster.remove()


async def test_what_a_killed_test_run_left_is_ended_by_the_next_one(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    folder = runs / "run-1"
    folder.mkdir(parents=True)
    left = processes.spawn(
        processes.Command(argv=["sleep", "60"]), log=folder / "log", pid_file=folder / "postgres" / "server.pid"
    )
    owner = processes.spawn(
        processes.Command(argv=["sleep", "60"]), log=folder / "owner.log", pid_file=folder / "owner"
    )
    sweep(runs)
    assert left.poll() is None
    owner.kill()
    owner.wait()
    sweep(runs)
    await until(lambda: left.poll() is not None, within=5, what="the server of the dead run has ended")
    assert not folder.exists()


def test_a_reused_pid_is_never_taken_for_ours(tmp_path: Path) -> None:
    mine = processes.identify(os.getpid())
    assert mine is not None
    assert mine.is_alive
    assert not processes.Process(mine.pid, mine.started - 1, mine.boot).is_alive
    assert not processes.Process(mine.pid, mine.started, "another-boot").is_alive
    (tmp_path / "broken.pid").write_text("{}")
    assert processes.recall(tmp_path / "broken.pid") is None
