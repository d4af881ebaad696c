"""One replica over a fleet at rest, as a process of its own: says what it did once it is told to end."""

import asyncio
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

import structlog

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.asked_sql import Asked, listening_pool  # noqa: E402  the path is set above
from support.calm_hosts import calm_hosts  # noqa: E402
from support.calm_service import calm_loops, calm_tools  # noqa: E402
from support.fleets import a_fleet  # noqa: E402
from support.provisioner import Calendar, some_settings, tools_without_aws  # noqa: E402
from support.ward import MemoryRights  # noqa: E402

_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


async def serve(database: str, seconds: float) -> dict[str, Any]:
    """What was done in so many seconds."""
    asked, clock = Asked(), Calendar()
    settings = some_settings(database, fleet=a_fleet(shared={"isolation": "shard", "capacity": 500}))
    async with listening_pool(database, asked, size=16) as pool:
        hosts, rights = await calm_hosts(pool, clock), MemoryRights(clock, settings.session_length)
        tools = calm_tools(tools_without_aws(settings, clock, pool), hosts, rights)
        before, cpu, most = resident(), time.process_time(), 0
        asked.forget()
        running = [asyncio.create_task(each) for each in calm_loops(pool, tools, hosts)]
        for _ in range(int(seconds)):
            await asyncio.sleep(1)
            most = max(most, resident())
        used = time.process_time() - cpu
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        slowest = sorted(asked.seconds.items(), key=lambda each: -each[1])[:5]
        return {
            "calls": {**hosts.calls, "sts:AssumeRole": len(rights.had)},
            "cpu": used,
            "resident": most,
            "grown": most - before,
            "statements": sum(asked.times.values()),
            "sql_seconds": sum(asked.seconds.values()),
            "slowest": [[" ".join(sql.split())[:90], asked.times[sql], round(took, 2)] for sql, took in slowest],
        }


def main() -> int:
    """Print it as one line."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(json.dumps(asyncio.run(serve(sys.argv[1], float(sys.argv[2])))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
