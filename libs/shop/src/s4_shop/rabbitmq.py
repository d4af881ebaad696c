"""A private RabbitMQ node: own folder, own ports, own epmd, loopback only.

Debian's wrapper (/usr/sbin/rabbitmq-server) becomes the rabbitmq user and moves to /var/lib/rabbitmq, so the server
script behind it is called. With RABBITMQ_ALLOW_INPUT that script replaces itself by the Erlang machine: our pid is the
broker's pid.
"""

import json
import os
import secrets
import shutil
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGTERM

from s4_bus.definitions import Definitions, definitions, users
from s4_shop import processes
from s4_shop.missing import MissingProgram, NotReady
from s4_shop.ports import LOOPBACK, free_port
from s4_shop.processes import Command

_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_HEADER = b"AMQP\x00\x00\x09\x01"

_CONF = """\
listeners.tcp.1 = 127.0.0.1:{amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management}
loopback_users = none
default_user = {user}
default_pass = {password}
default_vhost = {vhost}
log.console = true
log.console.level = warning
log.file = false
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 64MB
"""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The four ports of one node."""

    amqp: int
    management: int
    distribution: int
    epmd: int

    @classmethod
    def free(cls) -> "Ports":
        """Four ports that are free now."""
        return cls(amqp=free_port(), management=free_port(), distribution=free_port(), epmd=free_port())


@dataclass(frozen=True, kw_only=True)
class RabbitNode:
    """One node in one folder. Files are written by `prepare`; `epmd` and `server` are the commands to keep running.

    Nodes of one cluster have different names, and share `cookie` and the port of epmd; `more` lines of configuration
    name them all.
    """

    folder: Path
    ports: Ports
    user: str
    password: str
    vhost: str = "s4"
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    name: str = "s4@localhost"
    cookie: str = field(default="", repr=False)
    more: str = ""

    def prepare(self) -> None:
        """The folder holds all that the node needs to start. Repeatable; raises MissingProgram."""
        if not _SERVER.exists() or shutil.which("epmd") is None:
            raise MissingProgram("rabbitmq-server")
        self.folder.mkdir(parents=True, exist_ok=True)
        conf = self._conf()
        if self.users:
            definitions = self.folder / "definitions.json"
            _write(definitions, json.dumps(self.definitions()))
            conf += f"load_definitions = {definitions}\n"
        _write(self.folder / "rabbitmq.conf", conf)
        _write(self.folder / "enabled_plugins", "[rabbitmq_management].\n")
        cookie = self.folder / ".erlang.cookie"
        if not cookie.exists():
            _write(cookie, self.cookie or secrets.token_hex(20), mode=0o400)

    def epmd(self) -> Command:
        """The Erlang port mapper of this node alone, so that stopping it cuts nobody else off."""
        return Command(argv=["epmd", "-port", str(self.ports.epmd), "-address", LOOPBACK], cwd=self.folder)

    def server(self) -> Command:
        """The broker itself, in the foreground."""
        env = {
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
            "RABBITMQ_NODE_PORT": str(self.ports.amqp),
            "RABBITMQ_DIST_PORT": str(self.ports.distribution),
            "ERL_EPMD_PORT": str(self.ports.epmd),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_ALLOW_INPUT": "1",
            # Idle schedulers sleep at once instead of spinning: other programs want the processor too.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-noinput +B i +sbwt none +sbwtdcpu none +sbwtdio none "
            "-kernel inet_dist_use_interface {127,0,0,1}",
        }
        return Command(argv=[str(_SERVER)], env=env, cwd=self.folder)

    def amqp_url(self, vhost: str | None = None, *, user: str | None = None) -> str:
        """Where services connect; holds the password."""
        who, words = (user, self.users[user]) if user else (self.user, self.password)
        return f"amqp://{who}:{words}@{LOOPBACK}:{self.ports.amqp}/{vhost or self.vhost}"

    @property
    def management_url(self) -> str:
        """The management pages and their HTTP API."""
        return f"http://{LOOPBACK}:{self.ports.management}"

    @property
    def operator_url(self) -> str:
        """The HTTP API for the administrator; holds the password."""
        return f"http://{self.user}:{self.password}@{LOOPBACK}:{self.ports.management}"

    def is_ready(self) -> bool:
        """True when the broker answers the AMQP protocol header."""
        try:
            with socket.create_connection((LOOPBACK, self.ports.amqp), timeout=2) as connection:
                connection.settimeout(5)
                connection.sendall(_HEADER)
                return connection.recv(1) == b"\x01"
        except OSError:
            return False

    @property
    def log(self) -> Path:
        """Where the node's output goes when `start` runs it."""
        return self.folder / "server.log"

    def start(self, within: float = 120.0) -> None:
        """The node answers (adopted when it already runs). Raises NotReady with its last log lines."""
        self.prepare()
        epmd, server = self.folder / "epmd.pid", self.folder / "server.pid"
        if processes.recall(epmd) is None:
            processes.spawn(self.epmd(), log=self.folder / "epmd.log", pid_file=epmd)
        child = None
        if processes.recall(server) is None:
            child = processes.spawn(self.server(), log=self.log, pid_file=server)
        deadline = time.monotonic() + within
        while not self.is_ready():
            ended = child is not None and child.poll() is not None
            if ended or time.monotonic() > deadline:
                raise NotReady("rabbitmq", processes.last_lines(self.log))
            time.sleep(0.1)

    def stop(self, *, at_once: bool = False) -> None:
        """The node and its epmd have ended, whoever started them; `at_once` saves the 6 s of a clean end."""
        processes.stop(self.folder / "server.pid", SIGKILL if at_once else SIGTERM, within=30.0)
        processes.stop(self.folder / "epmd.pid")

    def definitions(self) -> Definitions:
        """What the broker is to have: users with their rights, queues, bindings.

        With definitions the broker does not make its default user: the administrator is one of them.
        """
        made = definitions(self.vhost)
        people = users({self.user: self.password, **self.users}, self.vhost, administrator=self.user)
        return {**made, **people, "permissions": [*people["permissions"], *made["permissions"]]}

    def _conf(self) -> str:
        conf = _CONF.format(
            amqp=self.ports.amqp,
            management=self.ports.management,
            user=self.user,
            password=self.password,
            vhost=self.vhost,
        )
        return conf + self.more


def _write(path: Path, text: str, mode: int = 0o600) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
