"""What an operator does once before the services start; each is repeatable."""

import asyncio
import secrets
from collections.abc import Mapping

import asyncpg
import boto3

from s4_shop.folder import StateFolder
from s4_shop.wiring import GRID_DOMAIN, SERVICES


async def databases(url: str, passwords: Mapping[str, str]) -> None:
    """Each service has a role and a database of its own, both named after it, and nobody else may enter."""
    connection = await asyncpg.connect(url)
    try:
        for service in SERVICES:
            exists = await connection.fetchval("select 1 from pg_roles where rolname = $1", service)
            verb = "alter" if exists else "create"
            # Utility statements take no parameters; the names are ours, and so are passwords, which have no quotes.
            await connection.execute(f"{verb} role {service} login password '{passwords[service]}'")
            if not await connection.fetchval("select 1 from pg_database where datname = $1", service):
                await connection.execute(f"create database {service} owner {service}")
            await connection.execute(f"revoke all on database {service} from public")
    finally:
        await connection.close()


def hosted_zone(endpoint: str, region: str) -> None:
    """The zone of the grids' names exists, once."""
    names = boto3.client("route53", endpoint_url=endpoint, region_name=region)
    known = names.list_hosted_zones_by_name(DNSName=GRID_DOMAIN, MaxItems="1")["HostedZones"]
    if not any(zone["Name"] == f"{GRID_DOMAIN}." for zone in known):
        names.create_hosted_zone(Name=GRID_DOMAIN, CallerReference=secrets.token_hex(8))


def run_databases(folder: StateFolder) -> None:
    """`databases` of a shop, for a command line."""
    secrets_of = folder.root / "secrets"
    url = (secrets_of / "database-url-operator").read_text(encoding="utf-8")
    words = {service: (secrets_of / f"database-{service}").read_text(encoding="utf-8") for service in SERVICES}
    asyncio.run(databases(url, words))
