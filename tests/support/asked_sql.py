"""What a database is really asked, and how it finds the answers."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg
from asyncpg.connection import LoggedQuery

from s4_runtime import Secret
from s4_store import Pool


@dataclass
class Asked:
    """Each statement once, with arguments of one time that it was asked; and how long all of them took."""

    statements: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def note(self, query: LoggedQuery) -> None:
        """For asyncpg."""
        sql = query.query
        if query.exception is None and query.args is not None:
            self.statements[sql] = tuple(query.args)
            self.times[sql] = self.times.get(sql, 0) + 1
            self.seconds[sql] = self.seconds.get(sql, 0.0) + query.elapsed

    def forget(self) -> None:
        """Nothing was asked so far."""
        for kept in (self.statements, self.times, self.seconds):
            kept.clear()


@asynccontextmanager
async def listening_pool(url: str, asked: Asked, size: int = 4) -> AsyncIterator[Pool]:
    """A pool as a service has it, of which everything that it is asked is noted."""

    async def prepared(connection: "asyncpg.Connection[Any]") -> None:
        await connection.set_type_codec("uuid", encoder=str, decoder=str, schema="pg_catalog")
        connection.add_query_logger(asked.note)

    async with asyncpg.create_pool(url, min_size=1, max_size=size, init=prepared) as inner:
        yield Pool(inner, Secret(url), timedelta(seconds=10))


async def read_whole(pool: Pool, asked: Asked, *tables: str) -> list[str]:
    """The statements that read every row of one of these tables."""
    found = []
    for sql, arguments in list(asked.statements.items()):
        words = sql.split()
        if ";" not in sql and words and words[0].lower() in {"select", "with", "update", "insert", "delete"}:
            plan = json.loads(await pool.fetchval(f"explain (format json) {sql}", *arguments))
            if any(node["Node Type"] == "Seq Scan" and node["Relation Name"] in tables for node in _nodes(plan[0])):
                found.append(" ".join(words))
    return sorted(found)


def _nodes(described: dict[str, Any]) -> Iterator[dict[str, Any]]:
    plan = described.get("Plan", described)
    yield plan
    for below in plan.get("Plans", []):
        yield from _nodes(below)
