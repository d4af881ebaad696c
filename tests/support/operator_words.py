"""s4 as the program that operators start."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path


async def s4(*words: str, **told: str) -> tuple[int, str, str]:
    """Its status, and what it printed to both."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("S4_")}
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("s4"), *words, env={**own, **told}, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()
