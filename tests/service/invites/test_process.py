"""The program that operators start, killed and started again."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from s4_runtime import new_id
from support.invite_agent import FURL, SEAL_KEY, TOKEN, Invites
from support.joining import tahoe_joins
from support.waiting import until
from support.web_peers import PROVISIONER_TOKEN


class Program:
    """`python -m s4_invites serve`, as often as a test likes."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://{environment['S4_LISTEN']}"

    async def start(self) -> None:
        self._spawn()
        await until(self._is_ready, within=40, what="a service that is ready")

    def _spawn(self) -> None:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "s4_invites", "serve"]
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def end(self, number: signal.Signals) -> int:
        if self._process is None or self._process.poll() is not None:
            return 0
        self._process.send_signal(number)
        return self._process.wait(timeout=30)

    async def _is_ready(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self.log()
        probes = f"http://{self._environment['S4_PROBES_LISTEN']}/readyz"
        async with aiohttp.ClientSession() as session, session.get(probes) as answer:
            return answer.status == 200

    async def asked(self, method: str, path: str, body: object = None, **params: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, json=body, params=params, headers=headers) as answer,
        ):
            assert answer.status == 200, await answer.text()
            found: dict[str, Any] = await answer.json()
            return found

    def log(self) -> str:
        return self._log.read_text()


@pytest.fixture
async def program(
    invites: Invites, amqp_url: str, free_port: Callable[[], int], tmp_path: Path
) -> AsyncIterator[Program]:
    secrets = {
        "DATABASE_URL": invites.pool.url.reveal(),
        "AMQP_URL": amqp_url,
        "SERVICE_TOKEN": TOKEN,
        "PROVISIONER_TOKEN": PROVISIONER_TOKEN,
        "SEAL_KEY": SEAL_KEY,
    }
    for name, text in secrets.items():
        (tmp_path / name).write_text(text)
    told = {f"S4_{name}_FILE": str(tmp_path / name) for name in secrets}
    program = Program(
        {
            "PATH": os.environ["PATH"],
            **told,
            "S4_DEPLOYMENT": "test",
            "S4_LISTEN": f"127.0.0.1:{free_port()}",
            "S4_PROBES_LISTEN": f"127.0.0.1:{free_port()}",
            "S4_PROVISIONER_URL": invites.provisioner.url,
            "S4_MAILBOX_URL": invites.mailbox.url,
            "S4_LEASE": "PT1S",
        },
        tmp_path / "log",
    )
    yield program
    program.end(signal.SIGKILL)


async def test_a_program_that_is_killed_between_opening_and_use_and_in_the_handshake_serves_the_client_all_the_same(
    program: Program, invites: Invites, tmp_path: Path
) -> None:
    await invites.has_furl()
    await program.start()
    body = {"invite_id": new_id(), "account_id": invites.account, "grid_id": invites.grid}
    invite = await program.asked("POST", "/invites", body)
    await invites.is_waiting(invite)
    program.end(signal.SIGKILL)
    await program.start()
    invites.provisioner.is_down = True
    async with tahoe_joins(invites.mailbox.url, invite["code"], tmp_path / "client") as client:
        await until(lambda: invites.provisioner.asked, within=30, what="a client that has proved itself")
        program.end(signal.SIGKILL)
        invites.provisioner.is_down = False
        await program.start()
        await client.joined()
    assert client.furl == FURL
    await invites.becomes(invite, "claimed")
    query = {"account_id": invites.account, "grid_id": invites.grid}
    (shown,) = (await program.asked("GET", "/invites", **query))["invites"]
    assert (shown["state"], shown["code"]) == ("claimed", None)
    assert await asyncio.to_thread(program.end, signal.SIGTERM) == 0
    log = program.log()
    assert [secret for secret in (FURL, invite["code"], SEAL_KEY, TOKEN) if secret in log] == []
