"""Who runs the shop: looks into the emulated cloud, logs into machines, has grids applied again."""

import asyncio
import base64
import json
import os
import re
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncssh
import boto3

from s4_shop.shop import Shop
from s4_shop.wiring import REGION, SSH_PORT

_ADDRESS = re.compile(r"tcp:(127(?:\.\d+){3}):")
# A grid's own name is its id, in letters that a name may have.
_NAME = re.compile(r"tcp:g([a-z2-7]{26})\.")
_LONGEST = 60.0  # seconds for one command
_SHOWN = 3  # keys


class OperatorFailed(Exception):
    """What the operator wanted to do did not work; the text says what and how."""


@dataclass(frozen=True)
class Machine:
    """The machine that serves a grid: where it is, and how it proves that it is the one that was launched."""

    grid: str
    instance_id: str
    address: str
    host_key: str


@dataclass(frozen=True)
class Contents:
    """What is in a grid's bucket."""

    bucket: str
    sizes: Mapping[str, int]

    @property
    def shares(self) -> list[str]:
        """The keys of shares, each the name of a file that the disk backend would have."""
        return [key for key in self.sizes if key.startswith("shares/")]

    def drawn(self) -> list[str]:
        """A few lines for a person."""
        lines = [f"  {self.bucket}: {len(self.sizes)} objects, {sum(self.sizes.values()):,} bytes"]
        largest = sorted(self.shares, key=lambda key: -self.sizes[key])
        lines += [f"    {self.sizes[key]:>11,}  {key}" for key in largest[:_SHOWN]]
        return [*lines, f"    {len(largest) - _SHOWN:>11}  more shares"] if len(largest) > _SHOWN else lines


class Operator:
    """The shop's own keys, used as the operator of a real one would."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def machine_of(self, furl: str) -> Machine:
        """The machine whose address the furl has. Raises OperatorFailed."""
        address, name = _ADDRESS.search(furl), _NAME.search(furl)
        if address is None or name is None:
            raise OperatorFailed("the furl names no grid, or no address of this machine's own network")
        grid = uuid.UUID(bytes=base64.b32decode(name.group(1).upper() + "======"))
        return await asyncio.to_thread(self._machine_at, address.group(1), str(grid))

    async def contents_of(self, grid: str) -> Contents:
        """All objects of the grid's bucket. Raises OperatorFailed."""
        return await asyncio.to_thread(self._contents, grid)

    async def objects_of(self, grid: str) -> dict[str, bytes]:
        """Every object of the grid's bucket, whole. Raises OperatorFailed."""
        return await asyncio.to_thread(self._objects, grid)

    async def run(self, machine: Machine, command: str) -> str:
        """What the command printed on the machine. Raises OperatorFailed."""
        try:
            async with (
                asyncio.timeout(_LONGEST),
                asyncssh.connect(
                    machine.address,
                    SSH_PORT,
                    username=self._shop.wiring.service("provisioner")["S4_HOST_USER"],
                    client_keys=[asyncssh.import_private_key(self._shop.secrets["ssh-key"])],
                    known_hosts=([asyncssh.import_public_key(machine.host_key)], [], []),
                    config=None,
                    agent_path=None,
                ) as connection,
            ):
                done = await connection.run(command, stdin=asyncssh.DEVNULL)
        except (asyncssh.Error, OSError, TimeoutError) as trouble:
            raise OperatorFailed(f"{machine.instance_id}: {type(trouble).__name__}") from None
        if done.exit_status != 0:
            raise OperatorFailed(f"{machine.instance_id}: {command.split(maxsplit=1)[0]} ended with {done.exit_status}")
        return str(done.stdout)

    async def lose_disk(self, machine: Machine) -> None:
        """Nothing of the grid is left on its machine: no process, no file."""
        answer = json.loads(await self.run(machine, f"s4-host remove {machine.grid}"))
        if answer["state"] != "absent":
            raise OperatorFailed(f"{machine.instance_id}: the grid is {answer['state']}")

    async def reapply(self, grid: str) -> None:
        """The provisioner has been told to make the grid's machine what it should be. Raises OperatorFailed."""
        await self._typed("grids", "recover", grid, "--note", "its machine lost its disk")

    async def _typed(self, *words: str) -> dict[str, Any]:
        """What the service answered to the command ``s4 WORDS``. Raises OperatorFailed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "s4_cli", *words, "--json"),
            env={**os.environ, "SHOP_STATE": str(self._shop.folder.root)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        if process.returncode:
            raise OperatorFailed(f"s4 {words[0]} {words[1]}: {err.decode()[-200:].strip()}")
        answer: dict[str, Any] = json.loads(out)
        return answer

    def _machine_at(self, address: str, grid: str) -> Machine:
        ec2 = self._client("ec2")
        filters = [{"Name": "ip-address", "Values": [address]}, {"Name": "instance-state-name", "Values": ["running"]}]
        found = [one for part in ec2.describe_instances(Filters=filters)["Reservations"] for one in part["Instances"]]
        if len(found) != 1:
            raise OperatorFailed(f"{len(found)} instances run at {address}")
        return Machine(grid, found[0]["InstanceId"], address, self._host_key(ec2, found[0]["InstanceId"]))

    def _host_key(self, ec2: Any, instance_id: str) -> str:
        """The public half of the key that the machine was told to have at its launch."""
        told = ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")["UserData"]["Value"]
        _, _, config = base64.b64decode(told).decode().partition("\n")
        return str(json.loads(config)["ssh_keys"]["ed25519_public"])

    def _contents(self, grid: str) -> Contents:
        s3 = self._client("s3")
        names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"] if bucket["Name"].endswith(grid)]
        if len(names) != 1:
            raise OperatorFailed(f"the grid {grid} has {len(names)} buckets")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=names[0])
        return Contents(names[0], {each["Key"]: each["Size"] for page in pages for each in page.get("Contents", ())})

    def _objects(self, grid: str) -> dict[str, bytes]:
        s3, contents = self._client("s3"), self._contents(grid)
        return {key: s3.get_object(Bucket=contents.bucket, Key=key)["Body"].read() for key in contents.sizes}

    def _client(self, service: str) -> Any:
        """A client with the shop's own credentials for the emulated cloud."""
        return boto3.client(
            service,
            endpoint_url=self._shop.urls["aws"],
            region_name=REGION,
            aws_access_key_id="AKIALOCALSHOP",
            aws_secret_access_key=self._shop.secrets["aws-secret-key"],
        )
