"""Secrets that a run knew, and the places where people and programs read: none of the first may be in the second."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import generate_latest

from s4_aws.sessions import Session
from s4_contracts.ids import GridId
from s4_provisioner.capability import furl_of, identity_of
from s4_provisioner.grids import Grid
from s4_provisioner.rights import Rights
from support.grid_cloud import Cloud
from support.operator_cli import TOKENS
from support.provisioner import Desk

_SHORTEST = 8


class Remembering:
    """Rights that keep every session that was had of them."""

    def __init__(self, inner: Rights) -> None:
        self._inner = inner
        self.had: list[Session] = []

    async def role_arn(self) -> str:
        return await self._inner.role_arn()

    async def session(self, bucket: str, grid: GridId) -> Session:
        self.had.append(await self._inner.session(bucket, grid))
        return self.had[-1]


def of_sessions(sessions: Iterable[Session]) -> dict[str, str]:
    """What lets a node into its bucket."""
    found = {}
    for number, session in enumerate(sessions):
        found[f"access key {number}"] = session.access_key_id
        found[f"secret of session {number}"] = session.secret_access_key.reveal()
        found[f"token of session {number}"] = session.session_token.reveal()
    return found


def of_a_grid(desk: Desk, grid: Grid) -> dict[str, str]:
    """Who the grid is: what s4-host apply is told beside its session."""
    who, seal = identity_of(grid, desk.tools.seal), desk.tools.seal
    return {
        "furl": furl_of(grid, seal, hint=True).reveal(),
        "key of the introducer": key_line(who.introducer.pem),
        "key of the storage server": key_line(who.storage.pem),
        "secret name of the introducer": who.introducer.swissnum,
        "secret name of the storage server": who.storage.swissnum,
        "key of announcements": who.announcement_key,
    }


def of_the_service(desk: Desk) -> dict[str, str]:
    """What the provisioner itself is given, and its operators."""
    settings = desk.settings
    return {
        "token of other services": settings.service_token.reveal(),
        "key of seals": settings.seal_key.reveal(),
        "key of machines": key_line(settings.ssh_key.reveal()),
        **{f"token of {name}": token for name, token in TOKENS.items()},
    }


def key_line(pem: str) -> str:
    """A line of the private key that cannot be in anything else."""
    return pem.partition("PRIVATE KEY-----\n")[2].splitlines()[-3 if "OPENSSH" in pem else 1]


def command_lines() -> str:
    """How every process on this machine was called, but the local clouds, which are told keys of their own."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended
            continue
        found.append("" if "s4_devcloud" in line else line)
    return "\n".join(found)


async def rows(desk: Desk) -> dict[str, str]:
    """Every row of every table; what was told to others is in the outbox."""
    tables = await desk.pool.fetch("select tablename from pg_tables where schemaname = 'public'")
    found = {}
    for name in (table["tablename"] for table in tables):
        found[f"table {name}"] = "\n".join(str(dict(row)) for row in await desk.pool.fetch(f'select * from "{name}"'))  # noqa: S608  a table
    return found


def at_aws(desk: Desk, cloud: Cloud) -> dict[str, str]:
    """What anybody sees who may look at the account: machines, tags, roles, and buckets with what they are tagged."""
    deployment, s3 = desk.settings.deployment, cloud.client("s3")
    return {
        "machines": str(cloud.instances(deployment, "pending", "running", "shutting-down", "terminated")),
        "tags": str(cloud.client("ec2").describe_tags()["Tags"]),
        "roles": str(cloud.client("iam").list_roles()["Roles"]),
        "tags of buckets": str([s3.get_bucket_tagging(Bucket=each)["TagSet"] for each in cloud.buckets(deployment)]),
    }


def metrics() -> str:
    """All that this process tells."""
    return generate_latest().decode()


def leaks(secrets: Mapping[str, str], places: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Which secret can be read where. Secrets must be long enough not to be anywhere by chance."""
    assert min(map(len, secrets.values())) >= _SHORTEST
    return [(name, place) for place, text in places.items() for name, secret in secrets.items() if secret in text]
