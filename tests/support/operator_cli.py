"""An operator at a terminal: the command ``s4`` as a program of its own, against a billing service in this process."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp.test_utils import TestServer

from support.billing_service import Billing

# Of two operators, as settings have them.
TOKENS = {"ada": "a" * 32, "bea": "b" * 32}


class Terminal:
    """Where operators type."""

    def __init__(self, url: str) -> None:
        self.url = url

    @classmethod
    @asynccontextmanager
    async def of(cls, billing: Billing) -> AsyncIterator["Terminal"]:
        """The service's operator listener is open for as long as the block lasts."""
        async with TestServer(billing.service.operator_app, access_log=None) as server:
            yield cls(f"http://127.0.0.1:{server.port}")

    async def type(self, *words: str, who: str = "ada", **environment: str) -> tuple[int, str, str]:
        """Exit code and what was printed, of ``s4 WORDS``."""
        told = {"S4_BILLING_OPERATOR_URL": self.url, "S4_OPERATOR_TOKEN": TOKENS.get(who, who), **environment}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "s4_cli", *words, env={**os.environ, **told}, stdout=PIPE, stderr=PIPE
        )
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    async def json(self, *words: str, who: str = "ada") -> dict[str, Any]:
        """What the service answered, of a command that must succeed."""
        code, out, err = await self.type(*words, "--json", who=who)
        assert code == 0, err
        told: dict[str, Any] = json.loads(out)
        return told
