"""The local cloud as the provisioner's tests use it: one process per run, machines that are plain sshd.

Every test has a deployment name of its own, and so buckets, roles, groups, tags and machines of its own.
"""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import msgspec

_ROOT = Path(__file__).parents[2]
_IMAGES = _ROOT / ".s4" / "images"  # baked images are kept from run to run; their names follow from their content
_NODE = _ROOT / "libs" / "node"
ZONE = "grids.test"
REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}


class Image(msgspec.Struct):
    """What machines boot; `programs` holds s4-host and, where Tahoe-LAFS is, s4-node."""

    name: str
    folder: Path
    programs: Path


def baked() -> Image:
    """The image of plain machines that run Tahoe-LAFS; from the cache unless libs/node changed."""
    command = [sys.executable, "-m", "s4_devcloud", "image", "--kind", "sshd"]
    done = subprocess.run(
        [*command, "--output", str(_IMAGES), "--node", str(_NODE)], check=True, stdout=subprocess.PIPE, timeout=300
    )
    name = json.loads(done.stdout)["name"]
    (layer,) = json.loads((_IMAGES / "sshd.json").read_text())["layers"]
    return Image(name, _IMAGES, _IMAGES / layer / "bin")


# Keeps what it is told beside the machine's own files, and says what s4-host says when all is well.
_S4_HOST = """#!/bin/sh
told=$(dirname "$S4_HOST_CONFIG")/told
mkdir -p "$told"
listening='"listening": {"introducer": true, "storage": true}'
case $1 in
apply) cat > "$told/$2"; rm -f "$told/$2.stopped"; echo '{"state": "starting", "changed": true}' ;;
status)
  if [ -e "$told/$2" ]; then echo "{\\"state\\": \\"running\\", $listening}"; else echo '{"state": "absent"}'; fi ;;
stop) mv "$told/$2" "$told/$2.stopped" 2>/dev/null; echo '{"state": "stopped", "changed": true}' ;;
remove) rm -f "$told/$2" "$told/$2.stopped"; echo '{"state": "absent", "changed": true}' ;;
lend)
  cat > "$told.lent"
  absent=$(grep -o '"[0-9a-f-]*":{' "$told.lent" | tr -d '":{' | while read -r grid; do
    [ -e "$told/$grid" ] || { printf '%s"%s"' "$comma" "$grid"; comma=,; }
  done)
  echo "{\\"lent\\": [], \\"absent\\": [$absent]}" ;;
list)
  grids=$(cd "$told" && for grid in *-*[0-9a-f]; do
    [ -e "$grid" ] && printf '%s"%s": {"state": "running", %s}' "$comma" "$grid" "$listening" && comma=,
  done)
  printf '{"version": "s4-node light", "disk_free_mib": 9999, "memory_mib": {"available": 999}, '
  printf '"clock": %s,' "$(date +%s)"
  echo " \\"grids\\": {$grids}}" ;;
*) exit 2 ;;
esac
"""


def light(folder: Path) -> Image:
    """An image of machines that let us in and take what they are told, and run nothing."""
    programs = folder / "light" / "bin"
    programs.mkdir(parents=True)
    (programs / "s4-host").write_text(_S4_HOST)
    (programs / "s4-host").chmod(0o755)
    (folder / "sshd.json").write_text(json.dumps({"kind": "sshd", "name": "s4-node-light", "layers": ["light"]}))
    return Image("s4-node-light", folder, programs)


class Cloud:
    """A running local cloud."""

    def __init__(self, ready: dict[str, Any], image: Image, state: Path) -> None:
        self.endpoint: str = ready["listen"]
        self.control_url: str = ready["control"]
        self.ssh_port: int = ready["ssh_port"]
        self.ssh_user: str = ready["ssh_user"] or "s4"
        self.image = image
        self.state = state
        self._clients: dict[str, Any] = {}
        self.client("route53").create_hosted_zone(Name=ZONE, CallerReference="tests")

    def client(self, service: str) -> Any:
        """A client that is not the one under test."""
        if service not in self._clients:
            self._clients[service] = self._made(service)
        return self._clients[service]

    def client_of_somebody_else(self, service: str) -> Any:
        """A client of another account."""
        made = self._clients[f"other {service}"] = self._made(service)
        account = ("x-moto-account-id", "210987654321")  # moto's way to say so
        made.meta.events.register(f"before-sign.{service}", lambda request, **_: request.headers.add_header(*account))
        return made

    @contextmanager
    def as_role(self, role: str) -> Iterator[Any]:
        """An S3 client with what the role lends a machine; policies are enforced meanwhile."""
        arn = self.client("iam").get_role(RoleName=role)["Role"]["Arn"]
        lent = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="machine")["Credentials"]
        keys = (lent["AccessKeyId"], lent["SecretAccessKey"], lent["SessionToken"])
        client = self._clients[f"s3 as {role}"] = self._made("s3", *keys)
        self._enforce_after(b"0")
        try:
            yield client
        finally:
            self._enforce_after(b"inf")

    def _enforce_after(self, requests: bytes) -> None:
        url, headers = f"{self.endpoint}/moto-api/reset-auth", {"Content-Type": "text/plain"}
        urllib.request.urlopen(urllib.request.Request(url, requests, headers)).close()  # noqa: S310  loopback

    def _made(
        self,
        service: str,
        key: str = KEYS["AWS_ACCESS_KEY_ID"],
        secret: str = KEYS["AWS_SECRET_ACCESS_KEY"],
        token: str | None = None,
    ) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=botocore.config.Config(retries={"total_max_attempts": 1}),
        )

    def instances(self, deployment: str, *states: str) -> list[dict[str, Any]]:
        """The deployment's instances in these states; without any, those that live."""
        wanted = {"tag:s4:deployment": [deployment], "instance-state-name": list(states or ("pending", "running"))}
        filters = [{"Name": name, "Values": values} for name, values in wanted.items()]
        found = self.client("ec2").describe_instances(Filters=filters)["Reservations"]
        return [instance for group in found for instance in group["Instances"]]

    def buckets(self, deployment: str) -> list[str]:
        """The names of the deployment's buckets."""
        found = self.client("s3").list_buckets()["Buckets"]
        return [bucket["Name"] for bucket in found if bucket["Name"].startswith(f"s4-{deployment}-")]

    def roles(self, deployment: str) -> list[str]:
        """The names of the deployment's roles."""
        pages = self.client("iam").get_paginator("list_roles").paginate(PathPrefix="/s4/")
        found = [role["RoleName"] for page in pages for role in page["Roles"]]
        return [name for name in found if name.startswith(f"s4-{deployment}-")]

    def groups(self, deployment: str) -> list[dict[str, Any]]:
        """The deployment's security groups."""
        filters = [{"Name": "group-name", "Values": [f"s4-{deployment}-*"]}]
        found: list[dict[str, Any]] = self.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"]
        return found

    def volumes(self, deployment: str) -> list[str]:
        """The ids of the disks of the deployment's machines."""
        filters = [{"Name": "tag:s4:deployment", "Values": [deployment]}]
        return [each["VolumeId"] for each in self.client("ec2").describe_volumes(Filters=filters)["Volumes"]]

    def remains(self, deployment: str, dns_name: str | None) -> dict[str, list[str]]:
        """Everything of the deployment's one grid that costs money or answers, by kind; only kinds of something."""
        living = self.instances(deployment, "pending", "running", "shutting-down", "stopping", "stopped")
        found = {
            "instances": [instance["InstanceId"] for instance in living],
            "volumes": self.volumes(deployment),
            "buckets": self.buckets(deployment),
            "addresses": self.address_of(dns_name),
        }
        return {kind: names for kind, names in found.items() if names}

    def address_of(self, name: str | None) -> list[str]:
        """What the zone says of a name."""
        route53 = self.client("route53")
        zone = route53.list_hosted_zones_by_name(DNSName=ZONE)["HostedZones"][0]["Id"]
        pages = route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone)
        records = [record for page in pages for record in page["ResourceRecordSets"]]
        values = [record["ResourceRecords"] for record in records if record["Name"].rstrip(".") == name]
        return [value["Value"] for group in values for value in group]

    def break_next(self, kind: str, **fault: object) -> None:
        """Something goes wrong the next time (libs/devcloud, control API of the aws part)."""
        self.control("POST", "/faults", {"kind": kind, **fault})

    def faults_left(self) -> int:
        """How many things are still to go wrong."""
        return len(self.control("GET", "/faults")["faults"])

    def mend(self) -> None:
        """Nothing goes wrong any more, and nothing is slow."""
        self.control("DELETE", "/faults")
        self.control("DELETE", "/traffic")

    def end_machines(self, deployment: str) -> None:
        """No machine of the deployment lives on."""
        ids = [instance["InstanceId"] for instance in self.instances(deployment)]
        if ids:
            self.client("ec2").terminate_instances(InstanceIds=ids)

    def told(self, instance_id: str) -> dict[str, Any]:
        """What s4-host was told of the one grid on a light machine."""
        (told,) = self._told(instance_id)
        found: dict[str, Any] = json.loads(told.read_text())
        return found

    def is_stopped(self, instance_id: str) -> bool:
        """Whether a light machine serves no grid any more, or is no more."""
        return not self._told(instance_id)

    def forget(self, instance_id: str) -> None:
        """What a light machine was told is lost."""
        for told in self._told(instance_id):
            told.unlink()

    def _told(self, instance_id: str) -> list[Path]:
        found = (self.state / "machines" / instance_id / "told").glob("*")
        return sorted(path for path in found if path.suffix != ".stopped")

    def close(self) -> None:
        """No connection is left open."""
        for client in self._clients.values():
            client.close()

    def calls(self) -> dict[str, int]:
        """How often each action (`service:Action`) was called since the last time that somebody asked."""
        counted = self.control("DELETE", "/calls")["calls"]
        return {action: count["calls"] for action, count in counted.items()}

    @contextmanager
    def enforcing(self) -> Iterator[None]:
        """Sessions of roles may do only what policies allow."""
        self.control("PUT", "/enforcement", {"who": "sessions"})
        try:
            yield
        finally:
            self.control("PUT", "/enforcement", {"who": "nobody"})

    def control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """What the control API answers (libs/devcloud, control API of the aws part)."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.control_url}{path}", data, headers, method=method)  # noqa: S310  loopback
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  loopback
            found: dict[str, Any] = json.loads(answer.read())
        return found


@contextmanager
def local_cloud(state: Path, image: Image, driver: str = "sshd") -> Iterator[Cloud]:
    """A cloud whose machines need no root, unless by another driver; nothing of it is left afterwards."""
    command = [sys.executable, "-m", "s4_devcloud", "aws", "--driver", driver, "--image", str(image.folder)]
    log = (state / "aws.log").open("wb")
    process = subprocess.Popen(
        [*command, "--state", str(state / "aws"), "--region", REGION],
        stdout=subprocess.PIPE,
        stderr=log,
        env={"PATH": os.environ["PATH"], **KEYS},
    )
    assert process.stdout
    try:
        line = process.stdout.readline()
        assert line, f"the local cloud did not start: {(state / 'aws.log').read_text()[-2000:]}"
        cloud = Cloud(json.loads(line), image, state / "aws")
        yield cloud
        cloud.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        process.stdout.close()
        log.close()
