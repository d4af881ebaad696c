"""Machines of a crowd behind the emulated AWS, as a test starts and visits them."""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from support.cloud import LocalCloud, becomes, rule
from support.login import Keys

SSH_PORT = 2222


@dataclass(frozen=True)
class CrowdHost:
    """One running machine."""

    cloud: LocalCloud
    instance_id: str
    address: str
    keys: Keys = field(repr=False)

    async def run(self, command: str, standard_input: bytes = b"") -> tuple[int, dict[str, Any]]:
        """Exit code and answer of a command."""
        async with self.keys.connect(self.address, SSH_PORT) as connection:
            done = await connection.run(command, input=standard_input, encoding=None)
        return done.exit_status, json.loads(done.stdout or b"{}")

    def behave(self, **changes: Any) -> None:
        """From now on it does so."""
        self.cloud.fault(kind="behave", instance_id=self.instance_id, **changes)


async def a_host(cloud: LocalCloud, *ports: int) -> CrowdHost:
    """A machine that answers at the SSH port and at these."""
    ec2, keys = cloud.client("ec2"), Keys()
    group = ec2.create_security_group(GroupName=f"g-{uuid.uuid4()}", Description="test")["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule(port) for port in (SSH_PORT, *ports)])
    image = ec2.describe_images()["Images"][0]["ImageId"]
    asked = {"ImageId": image, "InstanceType": "t3.small", "SecurityGroupIds": [group], "UserData": keys.user_data()}
    instance_id = ec2.run_instances(MinCount=1, MaxCount=1, **asked)["Instances"][0]["InstanceId"]
    up = await becomes(ec2, instance_id, "running")
    return CrowdHost(cloud, instance_id, up["PublicIpAddress"], keys)


def a_specification(port: int, pem: str = "", **more: Any) -> dict[str, Any]:
    """What s4-host apply is told of a grid, as far as a machine of a crowd looks at it."""
    return {
        "grid_id": str(uuid.uuid4()),
        "shard": None,
        "introducer": {"port": port, "files": {}},
        "storage": {"port": port + 1, "files": {"private/node.pem": pem}, "s3": {"bucket": "b"}},
        **more,
    }


def credentials(until: str) -> dict[str, str]:
    """As a session of a role has them."""
    return {"access_key_id": "ASIA", "secret_access_key": "x", "session_token": "y", "expires_at": until}
