"""A local AWS as a process of its own, with clients for it."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from support.waiting import until

Launch = Callable[..., dict[str, Any]]
ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=30)


class LocalCloud:
    """`python -m s4_devcloud aws` with machines of this kind; its answers are what a real client gets."""

    def __init__(self, state: Path, image: Path | None, *flags: str) -> None:
        command = [sys.executable, "-m", "s4_devcloud", "aws", "--state", str(state), *flags]
        command += ["--image", str(image)] if image else []
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the local cloud ended with {self.process.wait()}"
        self.ready: dict[str, Any] = json.loads(line)
        self._clients: list[Any] = []

    def client(
        self, service: str, keys: tuple[str, str, str | None] = ("AKIAEXAMPLE", "any", None), **config: Any
    ) -> Any:
        """A client that asks once and does not retry. `keys` are id, secret and token."""
        made = boto3.client(
            service,
            endpoint_url=self.ready["listen"],
            region_name=self.ready["region"],
            aws_access_key_id=keys[0],
            aws_secret_access_key=keys[1],
            aws_session_token=keys[2],
            config=ONCE.merge(Config(**config)),
        )
        self._clients.append(made)
        return made

    def control(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        """Status and answer of the control API."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.ready["control"] + path, data, method=method)  # noqa: S310  our own http
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  as above
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.load(refused)

    def fault(self, **described: Any) -> None:
        """Inject a fault that the control API accepts."""
        status, answer = self.control("POST", "/faults", described)
        assert status < 300, answer

    def instance(self, instance_id: str) -> dict[str, Any]:
        """What the control API knows of an instance."""
        return next(one for one in self.control("GET", "/state")[1]["instances"] if one["instance_id"] == instance_id)

    def stop(self) -> int:
        """End it as make down does; its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> int:
        for client in self._clients:
            client.close()
        self._clients.clear()
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        code = self.process.wait(30)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


async def becomes(ec2: Any, instance_id: str, state: str) -> dict[str, Any]:
    """The instance, as DescribeInstances shows it once it is in this state."""

    def reached() -> dict[str, Any] | None:
        found: dict[str, Any] = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
        return found if found["State"]["Name"] == state else None

    instance: dict[str, Any] = await until(reached, within=60, what=f"{instance_id} is {state}")
    return instance


@contextmanager
def enforced_permissions(cloud: LocalCloud) -> Iterator[None]:
    """Policies are enforced inside this block."""

    def allow(requests: bytes) -> None:
        url, headers = cloud.ready["listen"] + "/moto-api/reset-auth", {"Content-Type": "text/plain"}
        urllib.request.urlopen(urllib.request.Request(url, requests, headers)).close()  # noqa: S310  our own http

    allow(b"0")
    try:
        yield
    finally:
        allow(b"inf")


def rule(first: int, last: int | None = None) -> dict[str, Any]:
    """A rule that lets everyone in at these TCP ports."""
    return {"IpProtocol": "tcp", "FromPort": first, "ToPort": last or first, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def code_of(refused: pytest.ExceptionInfo[ClientError]) -> str:
    """The error code of a refused call."""
    return str(refused.value.response["Error"]["Code"])
