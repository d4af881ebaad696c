"""What a grid's session opens, with policies enforced: taken from a shared host, where the node has it from."""

import configparser
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from s4_provisioner.capability import furl_of
from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import Stage
from s4_provisioner.names import role
from s4_shop.demo.tahoe import TahoeClient
from support.fleets import a_fleet
from support.grid_cloud import REGION, Cloud
from support.provisioner import Desk, a_desk, real_probe, real_tahoe

FLEET = a_fleet(
    otherwise="together",
    together={"instance_type": "t3.small", "isolation": "shard", "grids_per_shard": 5, "capacity": 50},
)
REFUSED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"}


class Intruder:
    """Somebody who has broken into a grid's node and found its session."""

    def __init__(self, cloud: Cloud, host: Path, grid: Grid) -> None:
        self.grid, self._endpoint = grid, cloud.endpoint
        (lent,) = host.rglob(f"{grid.id}/storage/private/lent-credentials")
        found = configparser.ConfigParser()
        found.read(lent)
        (profile,) = found.sections()
        self._keys = {
            name: found[profile][name] for name in ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        }

    def client(self, service: str) -> Any:
        once = Config(retries={"total_max_attempts": 1})
        return boto3.client(service, region_name=REGION, endpoint_url=self._endpoint, config=once, **self._keys)

    def may(self, service: str, call: Callable[[Any], object]) -> bool:
        """Whether the call is let through; it must not fail for any other reason."""
        client = self.client(service)
        try:
            call(client)
        except ClientError as refused:
            if refused.response["Error"]["Code"] not in REFUSED:
                raise
            return False
        finally:
            client.close()
        return True


OF_A_BUCKET: dict[str, Callable[[str], Callable[[Any], object]]] = {
    "put": lambda bucket: lambda s3: s3.put_object(Bucket=bucket, Key="shares/x", Body=b"x"),
    "get": lambda bucket: lambda s3: s3.get_object(Bucket=bucket, Key="shares/x"),
    "list": lambda bucket: lambda s3: s3.list_objects_v2(Bucket=bucket),
    "delete": lambda bucket: lambda s3: s3.delete_object(Bucket=bucket, Key="shares/x"),
}
ELSEWHERE: dict[str, tuple[str, Callable[[Any], object]]] = {
    "other buckets' names": ("s3", lambda s3: s3.list_buckets()),
    "a new bucket": ("s3", lambda s3: s3.create_bucket(Bucket="s4-anybodys")),
    "machines": ("ec2", lambda ec2: ec2.describe_instances()),
    "roles": ("iam", lambda iam: iam.list_roles()),
    "names": ("route53", lambda route53: route53.list_hosted_zones()),
    "quotas": ("service-quotas", lambda quotas: quotas.list_service_quotas(ServiceCode="ec2")),
    "tags": ("resourcegroupstaggingapi", lambda tagging: tagging.get_resources()),
}


@pytest.fixture
async def desk(database: str, tahoe_cloud: Cloud) -> AsyncIterator[Desk]:
    probe = real_probe(tahoe_cloud)
    with tahoe_cloud.enforcing():
        async with a_desk(database, tahoe_cloud, probe_command=probe, fleet=FLEET) as desk, desk.converging():
            yield desk


@pytest.mark.timeout(300)
async def test_a_session_on_a_shared_host_opens_its_grids_bucket_and_nothing_else(
    desk: Desk, tahoe_cloud: Cloud, tmp_path: Path
) -> None:
    one, other = [await desk.comes_to(each, Stage.READY, within=120) for each in [await desk.pay(), await desk.pay()]]
    assert one.host
    assert other.host
    host = tahoe_cloud.state / "machines" / str(one.host.instance_id)
    if one.host == other.host:  # not when both happen to have the same ports
        assert one.shard == other.shard
    intruder = Intruder(tahoe_cloud, host, one)

    content = secrets.token_bytes(50_000)
    async with TahoeClient.running(
        real_tahoe(tahoe_cloud, tmp_path), furl_of(one, desk.tools.seal, hint=True).reveal()
    ) as client:
        assert await client.get(await client.put(content)) == content

    own = {name: intruder.may("s3", call(str(one.bucket))) for name, call in OF_A_BUCKET.items()}
    theirs = {name: intruder.may("s3", call(str(other.bucket))) for name, call in OF_A_BUCKET.items()}
    assert own == dict.fromkeys(OF_A_BUCKET, True)
    assert theirs == dict.fromkeys(OF_A_BUCKET, False)
    assert {name: intruder.may(*call) for name, call in ELSEWHERE.items()} == dict.fromkeys(ELSEWHERE, False)
    assert not intruder.may("sts", lambda sts: sts.assume_role(RoleArn=_role(desk), RoleSessionName="more"))
    assert not intruder.may("s3", lambda s3: s3.delete_bucket(Bucket=str(one.bucket)))
    assert not intruder.may("s3", lambda s3: s3.delete_bucket_policy(Bucket=str(one.bucket)))


def _role(desk: Desk) -> str:
    return f"arn:aws:iam::123456789012:role/s4/{role(desk.settings.deployment)}"
