"""S3 servers for tests, each a process on a free loopback port that ends with the test session, or with it killed."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from s4_node.s3.values import Store

DOUBLE = Path(__file__).resolve().parents[1] / "doubles" / "s3"
PROGRAMS = Path(sys.executable).parent
REGION = "us-east-1"


class DidNotStart(Exception):
    """A server was not there in time; its log says why."""


@dataclass
class Server:
    """A running S3 server. `control` is the double's only."""

    process: "subprocess.Popen[bytes]"
    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    folder: Path  # for its state, its log and credentials files
    control: str = ""

    def request(
        self, method: str, path: str, body: bytes = b"", *, headers: dict[str, str] | None = None, endpoint: str = ""
    ) -> tuple[int, bytes]:
        """One signed request, for what a test needs before the client under test exists."""
        asked = AWSRequest(method, (endpoint or self.endpoint) + path, data=body, headers=headers)
        asked.headers["Host"] = urlsplit(endpoint or self.endpoint).netloc
        S3SigV4Auth(Credentials(self.access_key, self.secret_key), "s3", REGION).add_auth(asked)
        connection = HTTPConnection(urlsplit(self.endpoint).netloc, timeout=30)
        try:
            connection.request(method, path, body, dict(asked.headers.items()))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def make_bucket(self, name: str) -> None:
        status, answer = self.request("PUT", "/" + name)
        if status != 200:
            raise ValueError(name, status, answer)

    def credentials_file(self) -> Path:
        """A shared credentials file for this server."""
        path = self.folder / "credentials"
        if not path.exists():
            path.write_text(
                f"[default]\naws_access_key_id = {self.access_key}\naws_secret_access_key = {self.secret_key}\n"
            )
            path.chmod(0o600)
        return path

    def store(self, bucket: str, prefix: str = "") -> Store:
        credentials = f"file:{self.credentials_file()}"
        return Store(bucket=bucket, prefix=prefix, endpoint=self.endpoint, region=REGION, credentials=credentials)

    def stop(self) -> None:
        """Gone afterwards; also when it was so before."""
        if self.process.stdin is not None:
            self.process.stdin.close()  # by which it ends, and what it guards
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        shutil.rmtree(self.folder / "state", ignore_errors=True)  # pytest keeps its folders for three sessions


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def start_double(folder: Path, *options: str) -> Server:
    """Our own S3: fast, signed, with faults to order (support.s3_control)."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(DOUBLE), "--while-stdin-open", "--folder", str(folder / "state"), *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
    line = process.stdout.readline() if process.stdout is not None else b""
    if not line:
        process.wait()
        raise DidNotStart((folder / "log").read_text())
    ready = json.loads(line)
    return Server(
        process, ready["endpoint"], ready["access_key"], ready["secret_key"], folder, control=ready["control"]
    )


# Ends its child when its own standard input ends, so that no server outlives a killed test run.
GUARD = """
import select, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
while child.poll() is None and not select.select([sys.stdin], [], [], 0.5)[0]:
    pass
child.terminate()
try:
    child.wait(4)
except subprocess.TimeoutExpired:
    child.kill()
    child.wait()
"""


def _guarded(command: list[str], folder: Path, **environment: str) -> "subprocess.Popen[bytes]":
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-c", GUARD, *command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=os.environ | environment,
        )


def _ready(server: Server) -> Server:
    deadline = monotonic() + 60
    while not _answers(server):
        if monotonic() > deadline or server.process.poll() is not None:
            server.stop()
            raise DidNotStart((server.folder / "log").read_text())
        sleep(0.05)
    return server


def _answers(server: Server) -> bool:
    try:
        return server.request("GET", "/")[0] == 200
    except OSError:
        return False


def start_moto(folder: Path) -> Server:
    """moto's server: knows every condition, keeps everything in memory, checks no signatures."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [str(PROGRAMS / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    return _ready(Server(_guarded(command, folder), f"http://127.0.0.1:{port}", "moto", "moto-secret", folder))


def start_juicefs(folder: Path) -> Server:
    """MinIO's handlers in front of JuiceFS on files: real signatures, but If-Match and If-None-Match are ignored."""
    (folder / "state").mkdir(parents=True, exist_ok=True)
    key, secret, port = "juicefs", secrets.token_urlsafe(24), free_port()
    program, meta = str(PROGRAMS / "juicefs"), f"sqlite3://{folder}/state/m.db"
    formatted = [program, "format", "--storage", "file", "--bucket", f"{folder}/state/blk/", meta, "tgrid"]
    subprocess.run(formatted, check=True, capture_output=True, timeout=60)
    options = ["--no-usage-report", "--multi-buckets", "--keep-etag", "--cache-dir", str(folder / "state" / "cache")]
    command = [program, "gateway", *options, meta, f"127.0.0.1:{port}"]
    process = _guarded(command, folder, MINIO_ROOT_USER=key, MINIO_ROOT_PASSWORD=secret, HOME=str(folder / "state"))
    return _ready(Server(process, f"http://127.0.0.1:{port}", key, secret, folder))
