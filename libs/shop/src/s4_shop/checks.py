"""Is a part ready? Asked over the wire, as a client would."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import assert_never

import aiohttp
import asyncpg

from s4_shop.plan import Answers, Check, Finishes, PrintsReady, Says200, SpeaksAmqp, TakesClients
from s4_shop.ports import LOOPBACK

_HEADER = b"AMQP\x00\x00\x09\x01"
_PATIENCE = 3.0  # seconds for one question


async def is_ready(check: Check, log: Path, log_from: int) -> bool:
    """One question, answered within a few seconds. `log_from` is where the log stood when the part was started."""
    with contextlib.suppress(OSError, TimeoutError, aiohttp.ClientError, asyncpg.PostgresError):
        async with asyncio.timeout(_PATIENCE):
            return await _ask(check, log, log_from)
    return False


async def _ask(check: Check, log: Path, log_from: int) -> bool:
    match check:
        case Answers(port):
            return await _exchange(port, b"") is not None
        case SpeaksAmqp(port):
            return await _exchange(port, _HEADER) == b"\x01"
        case Says200(url):
            async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=False) as answer:
                return answer.ok
        case TakesClients(url_file):
            url = await asyncio.to_thread(Path(url_file).read_text, encoding="utf-8")
            await (await asyncpg.connect(url)).close()
            return True
        case PrintsReady():
            return await asyncio.to_thread(_printed_ready, log, log_from)
        case Finishes():
            return False
        case _:
            assert_never(check)


async def _exchange(port: int, header: bytes) -> bytes | None:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        writer.write(header)
        return await reader.readexactly(1) if header else b""
    except asyncio.IncompleteReadError:
        return None
    finally:
        writer.close()


def _printed_ready(log: Path, log_from: int) -> bool:
    with log.open("rb") as file:
        file.seek(log_from)
        for line in file:
            if line.startswith(b"{") and b'"ready"' in line:
                with contextlib.suppress(ValueError):
                    if json.loads(line).get("ready") is True:
                        return True
    return False
