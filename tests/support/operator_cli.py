"""An operator at a terminal: the command ``s4``, against one service or a whole shop.

What is typed to be read is typed into the program; what is asked for as JSON takes the program's way without its start.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiohttp.test_utils import TestServer

from s4_cli.access import Access
from s4_cli.terminal import harmless
from s4_cli.words import parser
from s4_provisioner.operator.app import application
from s4_runtime import Permanent, Secret, Temporary
from s4_shop.shop import Shop
from support.billing_service import Billing
from support.provisioner import Desk

# Of two operators, as settings have them.
TOKENS = {"ada": "a" * 32, "bea": "b" * 32}


class Terminal:
    """Where operators type."""

    def __init__(self, url: str, service: str = "billing") -> None:
        self.url, self._service = url, service

    @classmethod
    @asynccontextmanager
    async def of(cls, billing: Billing) -> AsyncIterator["Terminal"]:
        """The service's operator listener is open for as long as the block lasts."""
        async with TestServer(billing.service.operator_app, access_log=None) as server:
            yield cls(f"http://127.0.0.1:{server.port}")

    @classmethod
    @asynccontextmanager
    async def of_provisioner(cls, desk: Desk) -> AsyncIterator["Terminal"]:
        """The provisioner's operator listener is open for as long as the block lasts."""
        tokens = [Secret(f"{name}:{token}") for name, token in TOKENS.items()]
        settings = msgspec.structs.replace(desk.tools.settings, operator_tokens=tokens)
        app = application(desk.pool, msgspec.structs.replace(desk.tools, settings=settings))
        async with TestServer(app, access_log=None) as server:
            yield cls(f"http://127.0.0.1:{server.port}", "provisioner")

    async def type(self, *words: str, who: str = "ada", **environment: str) -> tuple[int, str, str]:
        """Exit code and what was printed, of ``s4 WORDS``."""
        told = {
            f"S4_{self._service.upper()}_OPERATOR_URL": self.url,
            "S4_OPERATOR_TOKEN": TOKENS.get(who, who),
            **environment,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "s4_cli", *words, env={**os.environ, **told}, stdout=PIPE, stderr=PIPE
        )
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    async def refused(self, *words: str, who: str = "ada") -> str:
        """Why the service refused the command."""
        code, _, err = await self._asked(*words, who=who)
        assert code == 1, err
        return err

    async def json(self, *words: str, who: str = "ada") -> dict[str, Any]:
        """What the service answered, of a command that must succeed."""
        code, out, err = await self._asked(*words, "--json", who=who)
        assert code == 0, err
        told: dict[str, Any] = json.loads(out)
        return told

    async def _asked(self, *words: str, who: str = "ada", **environment: str) -> tuple[int, str, str]:
        # The command's own words and deeds. A process would only start the same once more, which takes longest.
        asked = parser(words).parse_args(words)
        access = Access(self.url, Secret(TOKENS.get(who, who)), environment.get("S4_DEPLOYMENT", ""))
        try:
            answer = await asked.deed(access, asked)
        except Permanent as refusal:
            return 1, "", str(refusal)
        except Temporary as trouble:
            return 75, "", str(trouble)
        return 0, json.dumps(answer) if asked.json else harmless(asked.show(answer)), ""


class Prompt(Terminal):
    """The same without a process of its own for each command, also where it matters how it is printed."""

    async def type(self, *words: str, who: str = "ada", **environment: str) -> tuple[int, str, str]:
        return await self._asked(*words, who=who, **environment)


async def typed_at(shop: Shop, *words: str) -> str:
    """What the operator of this shop sees after ``s4 billing WORDS``; address and token are in the shop's folder."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("S4_")}
    program = Path(sys.executable).with_name("s4")
    process = await asyncio.create_subprocess_exec(
        program, "billing", *words, env={**own, "SHOP_STATE": str(shop.folder.root)}, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    return out.decode()
