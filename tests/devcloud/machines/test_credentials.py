"""The AWS SDK's own chain, inside a machine of either kind, finds what the machine's role may do."""

import json
import shlex
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from s4_devcloud.image import Kind
from support.cloud import LocalCloud, becomes, enforced_permissions, rule
from support.image import machine_image, plain_image  # noqa: F401  fixtures
from support.login import Keys

# Run by the Python that the node is installed in, with no credential and no address but what the machine has.
STORE = """
import sys
from botocore.exceptions import ClientError
from botocore.session import get_session
endpoint, region, own, other = sys.argv[1:]
session = get_session()
print(session.get_credentials().method)
s3 = session.create_client("s3", endpoint_url=endpoint, region_name=region)
s3.put_object(Bucket=own, Key="share", Body=b"stored")
print(s3.get_object(Bucket=own, Key="share")["Body"].read().decode())
try:
    s3.put_object(Bucket=other, Key="share", Body=b"not mine")
except ClientError as refused:
    print(refused.response["ResponseMetadata"]["HTTPStatusCode"])
"""
PYTHON = '"$(dirname "$(readlink -f "$(command -v s4-node)")")/python"'


@pytest.fixture
def cloud(kind: Kind, request: pytest.FixtureRequest, state_dir: Path) -> Iterator[LocalCloud]:
    image = request.getfixturevalue("machine_image" if kind == "nspawn" else "plain_image")
    started = LocalCloud(state_dir, image, "--driver", kind)
    yield started
    assert started.stop() == 0


@pytest.mark.parametrize("kind", ["nspawn", pytest.param("sshd", marks=pytest.mark.long)], indirect=True)
async def test_the_machines_role_is_found_and_reaches_its_own_bucket_only(cloud: LocalCloud, keys: Keys) -> None:
    own, other, ssh_port = f"own-{uuid.uuid4()}", f"other-{uuid.uuid4()}", cloud.ready["ssh_port"]
    s3, ec2 = cloud.client("s3"), cloud.client("ec2")
    for bucket in (own, other):
        s3.create_bucket(Bucket=bucket)
    group = ec2.create_security_group(GroupName="ssh", Description="test")["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule(ssh_port)])
    instance = ec2.run_instances(
        ImageId=ec2.describe_images(Owners=["self"])["Images"][0]["ImageId"], InstanceType="t3.small", MinCount=1,
        MaxCount=1, SecurityGroupIds=[group], UserData=keys.user_data(),
        IamInstanceProfile={"Name": a_profile_for(cloud, own)},
    )["Instances"][0]  # fmt: skip
    at = (await becomes(ec2, instance["InstanceId"], "running"))["PublicIpAddress"]
    arguments = shlex.join([cloud.ready["listen"], cloud.ready["region"], own, other])

    with enforced_permissions(cloud):
        said = await keys.run(at, ssh_port, f"{PYTHON} -c {shlex.quote(STORE)} {arguments}", cloud.ready["ssh_user"])

    assert said.splitlines() == ["iam-role", "stored", "403"]
    assert s3.get_object(Bucket=own, Key="share")["Body"].read() == b"stored"
    assert "Contents" not in s3.list_objects_v2(Bucket=other)


def a_profile_for(cloud: LocalCloud, bucket: str) -> str:
    iam = cloud.client("iam")
    iam.create_role(RoleName="machine", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}))
    may = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_role_policy(RoleName="machine", PolicyName="own", PolicyDocument=policy)
    iam.create_instance_profile(InstanceProfileName="machine")
    iam.add_role_to_instance_profile(InstanceProfileName="machine", RoleName="machine")
    return "machine"
