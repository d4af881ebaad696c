"""The mail sink as a program of its own, for tests."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

USER, PASSWORD = "letters", "correct horse"


class MailSink:
    """Where the sink listens, and what a test asks of it."""

    def __init__(self, smtp: str, http: str, certificate: Path) -> None:
        self.host, port = smtp.rsplit(":", 1)
        self.port = int(port)
        self.http = http
        self.certificate = certificate

    async def letters(self, to: str = "") -> list[dict[str, Any]]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.http}/api/letters", params={"to": to} if to else {}) as answer,
        ):
            found: list[dict[str, Any]] = (await answer.json())["letters"]
            return found

    async def refuse(self, reply: str, **fault: object) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.http}/api/faults", json={"reply": reply, **fault}) as answer,
        ):
            assert answer.status == 201

    async def report(self, number: int, to: str, kind: str = "failed", status: str = "5.1.1") -> str:
        """How the receiving side answered the report about the letter of that number."""
        order = {"number": number, "kind": kind, "status": status, "to": to}
        async with aiohttp.ClientSession() as session, session.post(f"{self.http}/api/reports", json=order) as answer:
            assert answer.status == 200, await answer.text()
            reply: str = (await answer.json())["reply"]
            return reply

    async def reset(self) -> None:
        """No letter is left and nothing is refused."""
        async with aiohttp.ClientSession() as session:
            for what in ("letters", "faults"):
                async with session.delete(f"{self.http}/api/{what}") as answer:
                    assert answer.status == 200

    async def page(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(self.http + path) as answer:
            return answer.status, await answer.text()


@contextmanager
def mail_sink(folder: Path, *options: str) -> Iterator[MailSink]:
    password = folder / "password"
    password.write_text(PASSWORD)
    command = [sys.executable, "-m", "s4_devcloud", "mail", "--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    command += ["--state", str(folder / "mail"), "--user", USER, "--password-file", str(password), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={"PATH": os.environ["PATH"]}) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline() or b"{}")
            assert ready.get("ready"), "the mail sink did not start"
            yield MailSink(ready["smtp"], ready["http"], folder / "mail" / "ca.pem")
        finally:
            process.terminate()
            process.wait(10)
