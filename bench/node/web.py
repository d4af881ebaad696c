"""An unmodified Tahoe-LAFS client, used through its web API."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import NoReturn
from urllib.parse import quote

from bench.node.processes import Started

PIECE = 2**20


class WebClient:
    """One client process."""

    def __init__(self, port: int, process: Started) -> None:
        self._port, self.process = port, process

    def is_connected(self) -> bool:
        """Whether it could store something now."""
        self.process.require_alive()
        try:
            status = json.loads(self._ask("GET", "/?t=json"))
        except (OSError, HTTPException):
            return False
        return any(server["connection_status"].lower().startswith("connected") for server in status["servers"])

    def put(self, content: bytes) -> str:
        """Store a file; its cap."""
        return self._ask("PUT", "/uri", content).decode("ascii")

    def get(self, cap: str, expected: bytes) -> None:
        """Read a file, which must be what was stored."""
        view, at = memoryview(expected), 0
        connection, answer = self._answer("GET", f"/uri/{quote(cap)}")
        try:
            while piece := answer.read(PIECE):
                if view[at : at + len(piece)] != piece:
                    raise SystemExit("what was read is not what was stored")
                at += len(piece)
        finally:
            connection.close()
        if at != len(expected):
            raise SystemExit(f"read {at} of {len(expected)} bytes")

    def put_mutable(self, content: bytes) -> str:
        """Store a mutable file (SDMF); its cap."""
        return self._ask("PUT", "/uri?format=sdmf", content).decode("ascii")

    def overwrite(self, cap: str, content: bytes) -> None:
        """Replace what is in a mutable file."""
        self._ask("PUT", f"/uri/{quote(cap)}", content)

    def make_directory(self) -> str:
        return self._ask("POST", "/uri?t=mkdir").decode("ascii")

    def link(self, directory: str, name: str, content: bytes) -> None:
        """Store a file in a directory."""
        self._ask("PUT", f"/uri/{quote(directory)}/{name}", content)

    def _ask(self, method: str, path: str, content: bytes | None = None) -> bytes:
        connection, answer = self._answer(method, path, content)
        try:
            return answer.read()
        finally:
            connection.close()

    def _answer(self, method: str, path: str, content: bytes | None = None) -> tuple[HTTPConnection, HTTPResponse]:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=600)
        try:
            connection.request(method, path, content)
            answer = connection.getresponse()
            if answer.status not in {200, 201}:
                refused(self.process.name, answer)
        except BaseException:
            connection.close()
            raise
        return connection, answer


def refused(name: str, answer: HTTPResponse) -> NoReturn:
    raise SystemExit(f"{name} answers {answer.status}: {answer.read(300)!r}")


def put_all(clients: Sequence[WebClient], contents: Sequence[bytes], at_once: int) -> list[str]:
    """Store all of them, `at_once` at a time, by the clients in turns; their caps."""
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda one: clients[one[0] % len(clients)].put(one[1]), enumerate(contents)))


def get_all(clients: Sequence[WebClient], caps: Sequence[str], contents: Sequence[bytes], at_once: int) -> None:
    """Read all of them, each by the client that has stored it."""
    with ThreadPoolExecutor(at_once) as pool:
        numbered = enumerate(zip(caps, contents, strict=True))
        list(pool.map(lambda one: clients[one[0] % len(clients)].get(*one[1]), numbered))
