"""A private PostgreSQL cluster: own folder, own port, passwords for everybody, loopback only.

PostgreSQL refuses to run as root, so root runs it as the postgres user, whose way to the data must be open: a state
folder behind a private parent gets its data under /var/tmp instead, remembered in the file `data-folder`.
"""

import contextlib
import hashlib
import os
import pwd
import shutil
import socket
import stat
import struct
import subprocess
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from signal import SIGINT

from s4_shop import processes
from s4_shop.missing import MissingProgram, NotReady
from s4_shop.ports import LOOPBACK
from s4_shop.processes import Command

_ACCOUNT = "postgres"
_SSL_REQUEST = struct.pack("!II", 8, 80877103)  # PostgreSQL manual, "Message Formats": the server must answer S or N


@dataclass(frozen=True, kw_only=True)
class PostgresCluster:
    """One cluster in one folder. `durable=False` gives up safety at a power cut for speed: for tests only."""

    folder: Path
    port: int
    user: str
    password: str
    durable: bool = True

    def prepare(self) -> None:
        """The cluster is initialised. Repeatable, and a half-made one is begun anew; raises MissingProgram."""
        _bin()
        self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        done = self.folder / "initialised"
        if done.exists() and (self.data / "PG_VERSION").exists():
            return
        shutil.rmtree(self.data, ignore_errors=True)
        self._own(self.data.parent)
        words = self.data.parent / ".password"
        words.unlink(missing_ok=True)
        with os.fdopen(os.open(words, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(self.password)
        if self._account is not None:
            os.chown(words, self._account.pw_uid, self._account.pw_gid)
        try:
            self._initdb(words)
        finally:
            words.unlink(missing_ok=True)
        done.touch()

    def server(self) -> Command:
        """The postmaster, in the foreground. SIGINT is its fast shutdown; SIGTERM would wait for the clients."""
        settings = {"listen_addresses": LOOPBACK, "port": str(self.port), "unix_socket_directories": ""}
        settings |= {"max_connections": "200", "log_min_messages": "warning", "dynamic_shared_memory_type": "mmap"}
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        return Command(
            argv=[str(_bin() / "postgres"), "-D", str(self.data), *options],
            cwd=self.data,
            user=_ACCOUNT,
            stop_signal=SIGINT,
        )

    def url(self, database: str = "postgres", *, user: str | None = None, password: str | None = None) -> str:
        """Where clients connect; holds the password."""
        return f"postgresql://{user or self.user}:{password or self.password}@{LOOPBACK}:{self.port}/{database}"

    def is_ready(self) -> bool:
        """True when the server takes clients (not only when the port answers: recovery after a crash answers too)."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=2) as connection:
                connection.settimeout(2)
                connection.sendall(_SSL_REQUEST)
                if connection.recv(1) not in (b"N", b"S"):
                    return False
        except OSError:
            return False
        return self._psql("select 1").returncode == 0

    def run(self, sql: str, database: str = "postgres") -> str:
        """The statement has been executed; returns its rows as text. For administration, not for programs."""
        done = self._psql(sql, database)
        if done.returncode:
            raise NotReady("postgres", done.stderr.strip())
        return done.stdout.strip()

    @property
    def log(self) -> Path:
        """Where the server's output goes when `start` runs it."""
        return self.folder / "server.log"

    @cached_property
    def data(self) -> Path:
        """The data folder, reachable by the account that the server runs as."""
        inside = self.folder / "cluster" / "data"
        remembered = self.folder / "data-folder"
        if remembered.exists():
            return Path(remembered.read_text(encoding="utf-8").strip())
        if self._account is None or _reachable(self.folder):
            return inside
        name = hashlib.sha256(str(self.folder.resolve()).encode()).hexdigest()[:16]
        outside = Path("/var/tmp") / f"s4-postgres-{name}" / "data"  # noqa: S108  the name is ours, the folder is 0700
        self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        remembered.write_text(f"{outside}\n", encoding="utf-8")
        return outside

    def start(self, within: float = 60.0) -> None:
        """The server takes clients (adopted when it already runs). Raises NotReady with its last log lines."""
        self.prepare()
        child = None
        if processes.recall(self.folder / "server.pid") is None:
            child = processes.spawn(self.server(), log=self.log, pid_file=self.folder / "server.pid")
        deadline = time.monotonic() + within
        while not self.is_ready():
            ended = child is not None and child.poll() is not None
            if ended or time.monotonic() > deadline:
                raise NotReady("postgres", processes.last_lines(self.log))
            time.sleep(0.05)

    def stop(self) -> None:
        """The server has ended, whoever started it."""
        processes.stop(self.folder / "server.pid", SIGINT)

    def remove(self) -> None:
        """The data is gone, also where it lies outside the state folder."""
        shutil.rmtree(self.data.parent, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.folder)

    @property
    def _account(self) -> pwd.struct_passwd | None:
        if os.geteuid() != 0:
            return None
        try:
            return pwd.getpwnam(_ACCOUNT)
        except KeyError:
            raise MissingProgram("postgresql") from None

    def _own(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        if self._account is not None:
            os.chown(folder, self._account.pw_uid, self._account.pw_gid)

    def _initdb(self, words: Path) -> None:
        account = self._account
        argv = [str(_bin() / "initdb"), "-D", str(self.data), "-U", self.user, "--auth=scram-sha-256"]
        argv += [f"--pwfile={words}", "--encoding=UTF8", "--locale=C.UTF-8"]
        if not self.durable:
            argv.append("--no-sync")
        done = subprocess.run(
            argv,
            cwd=self.data.parent,
            capture_output=True,
            text=True,
            check=False,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
        if done.returncode:
            raise NotReady("postgres", done.stdout + done.stderr)

    def _psql(self, sql: str, database: str = "postgres") -> subprocess.CompletedProcess[str]:
        argv = [str(_bin() / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", LOOPBACK]
        argv += ["-p", str(self.port), "-U", self.user, "-d", database]
        env = {"PATH": os.environ.get("PATH", ""), "PGPASSWORD": self.password, "PGCONNECT_TIMEOUT": "5"}
        return subprocess.run(argv, input=sql, env=env, capture_output=True, text=True, check=False)


def _bin() -> Path:
    versions = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if not versions:
        raise MissingProgram("postgresql")
    return max(versions, key=lambda path: int(path.parent.name))


def _reachable(folder: Path) -> bool:
    """True when any account may pass through all of the folder's parents, and the folder itself."""
    places = [place for place in (folder.resolve(), *folder.resolve().parents) if place.exists()]
    return all(place.stat().st_mode & stat.S_IXOTH for place in places)
