"""Every place of a shop where people and programs read, as text."""

import aiohttp
import asyncpg

from s4_shop.shop import Shop
from support.canaries import command_lines
from support.ledger import SERVICES, Ledger


async def places(shop: Shop, ledger: Ledger) -> dict[str, str]:
    """Logs, events on their way out, metrics, processes' command lines, names and tags at AWS, the mailbox server."""
    found = {f"log of {file.stem}": shop.log(file.stem) for file in shop.folder.logs.glob("*.log")}
    for service in SERVICES:
        rows = await ledger.rows(service, "SELECT type, body, headers FROM outbox")
        found[f"events of {service}"] = "\n".join(str(dict(row)) for row in rows)
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{shop.urls[f'{service}-probes']}/metrics") as answer,
        ):
            found[f"metrics of {service}"] = await answer.text()
    found["command lines"] = command_lines()
    found["mailbox server"] = "\n".join(
        file.read_bytes().decode("latin-1") for file in (shop.folder.data / "mailbox").iterdir()
    )
    instances = ledger.aws("ec2").describe_instances()
    for reservation in instances["Reservations"]:
        for instance in reservation["Instances"]:
            found[f"instance {instance['InstanceId']}"] = str(instance)
    found["roles"] = str(ledger.aws("iam").list_roles()["Roles"])
    found["buckets"] = str(ledger.buckets())
    return found


async def databases(shop: Shop) -> dict[str, str]:
    """Every row of every table of every service."""
    return {f"database of {service}": await _rows(shop, service) for service in SERVICES}


async def _rows(shop: Shop, service: str) -> str:
    connection = await asyncpg.connect(shop.database_url(service))
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = [table["tablename"] for table in tables]
        rows = [await connection.fetch(f'SELECT * FROM "{name}"') for name in names]  # noqa: S608  names of our own
    finally:
        await connection.close()
    return "\n".join(str(dict(row)) for found in rows for row in found)
