"""What there is of one signup, counted where it is: AWS, the services' outboxes, the mail server."""

import asyncio
import json
from collections import Counter

import aiohttp
import asyncpg
import boto3
import msgspec
from botocore.client import BaseClient

from s4_shop.shop import Shop

SERVICES = ("web", "billing", "provisioner", "notifier", "invites", "support")
STAGES = ("identity", "bucket", "credentials", "host", "boot", "node", "dns", "proof", "ready", "failed")
_PAUSE = 0.002  # seconds; the shortest steps take tens of milliseconds
ONCE = (
    "billing.signup-paid.v1",
    "provisioner.instance-ready.v1",
    "provisioner.furl-issued.v1",
    "notifier.letter-sent.v1",
)


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """How many of each thing one paid signup has; of letters, those that lead to its furl."""

    grids: int
    buckets: int
    instances: int
    letters: int
    events: dict[str, int]


EXACTLY_ONE = Holdings(grids=1, buckets=1, instances=1, letters=1, events=dict.fromkeys(ONCE, 1))


class Ledger:
    """Reads; changes nothing."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def rows(self, service: str, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """What the service's own database answers."""
        connection = await asyncpg.connect(self._shop.database_url(service))
        try:
            found: list[asyncpg.Record] = await connection.fetch(sql, *arguments)
        finally:
            await connection.close()
        return found

    async def grids(self) -> set[str]:
        """Every grid that the provisioner knows."""
        return {str(row["id"]) for row in await self.rows("provisioner", "SELECT id FROM grids")}

    async def stage_reached(self, before: set[str], stage: str, within: float = 60.0) -> None:
        """A grid that was not there before is in this stage now, or already past it."""
        position = STAGES.index(stage)
        connection = await asyncpg.connect(self._shop.database_url("provisioner"))
        try:
            async with asyncio.timeout(within):
                while True:
                    rows = await connection.fetch("SELECT id, stage FROM grids")
                    new = [row["stage"] for row in rows if str(row["id"]) not in before]
                    if any(STAGES.index(found) >= position for found in new):
                        return
                    await asyncio.sleep(_PAUSE)
        finally:
            await connection.close()

    async def leftovers(self) -> list[str]:
        """Instances and buckets that belong to no host and no grid of the provisioner's."""
        known = {str(row["id"]) for row in await self.rows("provisioner", "SELECT id FROM grids")}
        hosts = {str(row["id"]) for row in await self.rows("provisioner", "SELECT id FROM hosts WHERE stage <> 'gone'")}
        machines = [f"instance {tags}" for tags in self.instances() if not hosts & set(tags)]
        return machines + [f"bucket {name}" for name in self.buckets() if not any(grid in name for grid in known)]

    async def account(self, email: str) -> str:
        """The account that paid with this address."""
        (row,) = await self.rows("notifier", "SELECT account_id FROM addressees WHERE email = $1", email)
        return str(row["account_id"])

    async def holdings(self, email: str) -> Holdings:
        """Everything that belongs to the account of this address."""
        account = await self.account(email)
        grids = [
            str(row["id"])
            for row in await self.rows("provisioner", "SELECT id FROM grids WHERE account_id = $1", account)
        ]
        hosts = await self.rows("provisioner", "SELECT host_id FROM grids WHERE account_id = $1", account)
        tags = {str(row["host_id"]) for row in hosts} | set(grids)
        letters = {letter["message_id"] for letter in await self.letters(email) if "/claim?token=" in letter["text"]}
        return Holdings(
            grids=len(grids),
            buckets=sum(any(grid in name for grid in grids) for name in self.buckets()),
            instances=sum(bool(tags & set(values)) for values in self.instances()),
            letters=len(letters),
            events=await self._events(account),
        )

    async def letters(self, email: str) -> list[dict[str, str]]:
        """Every delivery to this address, the newest first."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self._shop.urls['inbox']}/api/letters", params={"to": email}) as answer,
        ):
            found: list[dict[str, str]] = (await answer.json())["letters"]
            return found

    def buckets(self) -> list[str]:
        """Names of all buckets."""
        return [bucket["Name"] for bucket in self.aws("s3").list_buckets()["Buckets"]]

    def instances(self) -> list[list[str]]:
        """The tag values of every instance that was not terminated."""
        pages = self.aws("ec2").get_paginator("describe_instances").paginate()
        found = [instance for page in pages for part in page["Reservations"] for instance in part["Instances"]]
        living = [one for one in found if one["State"]["Name"] not in {"terminated", "shutting-down"}]
        return [[tag["Value"] for tag in one.get("Tags", ())] for one in living]

    def aws(self, service: str) -> BaseClient:
        """A client of the emulated cloud, as the operator."""
        environment = self._shop.wiring.aws()
        session = boto3.session.Session()
        session._session.set_config_variable("credentials_file", environment["AWS_SHARED_CREDENTIALS_FILE"])
        return session.client(service, endpoint_url=self._shop.urls["aws"], region_name="eu-central-1")

    async def _events(self, account: str) -> dict[str, int]:
        told: Counter[str] = Counter()
        for service in SERVICES:
            for row in await self.rows(service, "SELECT type, body FROM outbox"):
                body = json.loads(row["body"])
                is_another = body.get("kind", "welcome") != "welcome"  # a receipt, say
                if row["type"] in ONCE and body.get("account_id") == account and not is_another:
                    told[row["type"]] += 1
        return dict(told)
