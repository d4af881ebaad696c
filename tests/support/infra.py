"""The private PostgreSQL and RabbitMQ of one test run, and what a killed run left behind.

Each run has a folder named after its pid, with the identity of its pytest in it. A run first ends what belongs to
folders whose pytest is gone: servers, and whole shops in any folder below. With S4_TEST_INFRA=FOLDER servers stay up
in that folder, shared by all runs that name it; the workers of one run share those of the pytest that started them.
"""

import atexit
import base64
import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from s4_shop import processes
from s4_shop.folder import StateFolder
from s4_shop.missing import MissingProgram
from s4_shop.ports import free_port
from s4_shop.postgres import PostgresCluster
from s4_shop.rabbitmq import Ports, RabbitNode
from s4_shop.shop import down

_USER, _PASSWORD = "s4", "s4-tests-only"
_SHARED = "S4_TEST_INFRA"


class TestRun:
    """The folder of this run; `close` leaves nothing behind."""

    __test__ = False

    def __init__(self) -> None:
        self._servers: list[PostgresCluster | RabbitNode] = []
        runs = Path(tempfile.gettempdir()) / f"s4-tests-{os.geteuid()}"
        runs.mkdir(mode=0o711, exist_ok=True)
        self.folder = runs / f"run-{os.getpid()}"
        with (runs / "lock").open("w") as lock:  # a folder without its owner yet would look like a killed run's
            fcntl.flock(lock, fcntl.LOCK_EX)
            sweep(runs)
            self.folder.mkdir(mode=0o711)
            processes.remember(os.getpid(), self.folder / "owner")
        shared = os.environ.get(_SHARED)
        self.keeps = bool(shared)
        self._at = Path(shared).resolve() if shared else self.folder
        atexit.register(self.close)

    def postgres(self) -> PostgresCluster:
        """A cluster that takes clients; unsafe at a power cut, fast."""
        with self._alone("postgres") as (folder, known):
            cluster = PostgresCluster(
                folder=folder,
                port=known.setdefault("port", free_port()),
                user=_USER,
                password=_PASSWORD,
                durable=False,
            )
            self._servers.append(cluster)
            cluster.start()
        return cluster

    def rabbitmq(self) -> RabbitNode:
        """A broker that answers."""
        with self._alone("rabbitmq") as (folder, known):
            ports = Ports.free()
            for name in ("amqp", "management", "distribution", "epmd"):
                known.setdefault(name, getattr(ports, name))
            node = RabbitNode(folder=folder, ports=Ports(**known), user=_USER, password=_PASSWORD)
            self._servers.append(node)
            node.start()
        return node

    def lend(self) -> None:
        """Processes that are started from now on use the servers in this run's folder, which end with this run."""
        if self.keeps:
            return
        os.environ[_SHARED] = str(self.folder)
        self._servers += [
            PostgresCluster(folder=self.folder / "postgres", port=0, user=_USER, password=_PASSWORD),
            RabbitNode(folder=self.folder / "rabbitmq", ports=Ports.free(), user=_USER, password=_PASSWORD),
        ]

    def close(self) -> None:
        """Everything that this run started has ended, and its folder is gone; servers in a shared folder stay."""
        for server in [] if self.keeps else self._servers:
            if isinstance(server, RabbitNode):
                server.stop(at_once=True)
            else:
                server.stop()
        self._servers.clear()
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.close)

    @contextlib.contextmanager
    def _alone(self, name: str) -> Iterator[tuple[Path, dict[str, int]]]:
        folder = self._at / name
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            ports = folder / "ports.json"
            known = json.loads(ports.read_text()) if ports.exists() else {}
            yield folder, known
            ports.write_text(json.dumps(known))


def sweep(runs: Path) -> None:
    """Folders of runs that were killed are gone, with the servers that they left running."""
    for folder in runs.glob("run-*"):
        if processes.recall(folder / "owner") is not None:
            continue
        for plan in folder.rglob("run/plan.json"):
            down(StateFolder(plan.parent.parent), lambda _line: None)
        for pid_file in folder.rglob("*.pid"):
            processes.stop(pid_file, within=2.0)
        shutil.rmtree(folder, ignore_errors=True)


class TestDatabases:
    """Databases in one cluster."""

    __test__ = False

    def __init__(self, cluster: PostgresCluster) -> None:
        self.cluster = cluster

    def create_database(self, name: str = "test") -> str:
        """A new empty database whose name begins with `name`; its url."""
        unique = f"{name}_{uuid.uuid4().hex[:12]}"
        self.cluster.run(f'create database "{unique}"')
        return self.cluster.url(unique)

    def drop_database(self, url: str) -> None:
        """The database is gone, also when somebody is still connected."""
        self.cluster.run(f'drop database if exists "{url.rpartition("/")[2]}" with (force)')


class TestBroker:
    """Virtual hosts of one broker."""

    __test__ = False

    def __init__(self, node: RabbitNode) -> None:
        self.node = node

    @property
    def management_url(self) -> str:
        """The HTTP API, with the credentials in `auth_header`."""
        return self.node.management_url

    @property
    def auth_header(self) -> dict[str, str]:
        """What the HTTP API wants to see."""
        pair = base64.b64encode(f"{_USER}:{_PASSWORD}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    def amqp_url(self, vhost: str) -> str:
        """Where to connect for this virtual host, which exists now."""
        self.call("PUT", f"/api/vhosts/{vhost}", {})
        self.call("PUT", f"/api/permissions/{vhost}/{_USER}", {"configure": ".*", "write": ".*", "read": ".*"})
        return self.node.amqp_url(vhost)

    def delete_vhost(self, vhost: str) -> None:
        """The virtual host and all that is in it are gone."""
        self.call("DELETE", f"/api/vhosts/{vhost}")

    def call(self, method: str, path: str, body: object = None) -> object:
        """One call of the management API; its JSON answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {**self.auth_header, "Content-Type": "application/json"}
        request = urllib.request.Request(self.management_url + path, data, headers, method=method)  # noqa: S310  loopback
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  loopback
            text = answer.read()
        return json.loads(text) if text else None


@contextlib.contextmanager
def needs_program() -> Iterator[None]:
    """A program that is not installed skips the test at home and fails it in CI."""
    try:
        yield
    except MissingProgram as missing:
        message = f"not installed: {missing} (make demo says how)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
