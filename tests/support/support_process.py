"""The support page as a process of its own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from support.support_page import TOKEN
from support.waiting import until


def environment(database: str, amqp_url: str, port: int, probes: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "S4_DATABASE_URL": database,
        "S4_AMQP_URL": amqp_url,
        "S4_DEPLOYMENT": "test",
        "S4_LISTEN": f"127.0.0.1:{port}",
        "S4_PROBES_LISTEN": f"127.0.0.1:{probes}",
        "S4_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "S4_OPERATOR_TOKENS": f"ada:{TOKEN}",
        "S4_COOKIE_KEY": "a-cookie-key",
    }


@asynccontextmanager
async def running(env: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "s4_support", "serve", env=env, stdout=quiet)
    try:
        async with aiohttp.ClientSession() as session:

            async def is_up() -> bool:
                async with session.get(f"http://{env['S4_PROBES_LISTEN']}/readyz") as answer:
                    return answer.status == 200

            await until(is_up, within=30, what="the page is ready")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
