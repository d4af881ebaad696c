"""An HTTP server that answers what a test has written down, in order, and remembers what it was asked."""

import ssl
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

HUNG_SECONDS = 30  # at most: the test is over before


@dataclass(frozen=True)
class Asked:
    """One request; the names of headers are in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """One answer. `cut`: only so many bytes of the body, then the connection ends; `silent`: hangs after those."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int | None = None
    silent: bool = False
    dropped: bool = False  # no answer at all
    drops: int = 0  # bytes at a time, 50 times a second


def error(status: int, code: str, more: str = "", **headers: str) -> Reply:
    """As S3 writes its errors, with a message that must not be repeated anywhere."""
    body = f"<Error><Code>{code}</Code><Message>AKIASECRET is wrong</Message>{more}</Error>".encode()
    return Reply(status, {name.replace("_", "-"): text for name, text in headers.items()}, body)


Scripted = Reply | Callable[[Asked], Reply]


class ScriptedHttp:
    """Answers `script` from its beginning; what is left over at the end was not asked for."""

    def __init__(self, port: int, scheme: str, ended: Event) -> None:
        self.endpoint, self.script, self.asked = f"{scheme}://127.0.0.1:{port}", deque[Scripted](), list[Asked]()
        self.ended, self.connections = ended, set[object]()

    def answers(self, *script: Scripted) -> None:
        self.script.extend(script)

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        if not self.script:
            return Reply(501, body=b"<Error><Code>NothingScripted</Code></Error>")
        scripted = self.script.popleft()
        return scripted if isinstance(scripted, Reply) else scripted(asked)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Listening"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): text for name, text in self.headers.items()}
        self.server.scripted.connections.add(self.client_address)
        reply = self.server.scripted.reply(Asked(self.command, self.path, headers, body))
        self.close_connection = self.close_connection or reply.cut is not None or reply.dropped
        if reply.dropped:
            return
        self.send_response(reply.status)
        for name, text in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, text)
        self.end_headers()
        for drop in self.drops_of(reply):
            self.wfile.write(drop)
        if reply.silent:
            self.server.scripted.ended.wait(HUNG_SECONDS)

    def drops_of(self, reply: Reply) -> Iterator[bytes]:
        body = b"" if self.command == "HEAD" else reply.body[: reply.cut]
        size = reply.drops or max(len(body), 1)
        for start in range(0, len(body), size):
            yield body[start : start + size]
            if reply.drops and self.server.scripted.ended.wait(0.02):
                return

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815  the base class' names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class' name
        """Say nothing."""


class Listening(ThreadingHTTPServer):
    daemon_threads = True
    scripted: ScriptedHttp

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is what some tests are about."""


@contextmanager
def scripted_http(context: ssl.SSLContext | None = None) -> Iterator[ScriptedHttp]:
    """A running one, on the loopback."""
    server, ended = Listening(("127.0.0.1", 0), Handler), Event()
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.scripted = ScriptedHttp(server.server_port, "http" if context is None else "https", ended)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.scripted
    finally:
        ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
