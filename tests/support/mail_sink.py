"""The mail sink as a program of its own, for tests."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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

    async def page(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(self.http + path) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def mail_sink(folder: Path) -> AsyncIterator[MailSink]:
    password = folder / "password"
    password.write_text(PASSWORD)
    arguments = [
        "mail",
        "--smtp",
        "127.0.0.1:0",
        "--http",
        "127.0.0.1:0",
        "--state",
        str(folder / "mail"),
        "--user",
        USER,
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "s4_devcloud", *arguments, "--password-file", str(password),
        stdout=asyncio.subprocess.PIPE, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert process.stdout
    try:
        async with asyncio.timeout(30):
            ready = json.loads(await process.stdout.readline())
        yield MailSink(ready["smtp"], ready["http"], folder / "mail" / "ca.pem")
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]  # asyncio leaves the pipe open otherwise
