"""Addresses that a session has signed hold what AWS's own do: as long, and as much as the session may."""

import json
import urllib.error
import urllib.request
import uuid
from typing import Any

import pytest

from support.cloud import LocalCloud, enforced_permissions

EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


class Signing:
    """A session that may read a part of a bucket, and what it signs."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.name, self._s3 = f"presigned-{uuid.uuid4()}", cloud.client("s3")
        iam = cloud.client("iam")
        trusting = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
        iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(EVERYTHING | {"Statement": [trusting]}))
        iam.put_role_policy(RoleName=self.name, PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
        self._s3.create_bucket(Bucket=self.name)
        for key in ("mine/a b", "mine/ü+%&", "theirs/x"):
            self._s3.put_object(Bucket=self.name, Key=key, Body=b"content")
        self.role: str = iam.get_role(RoleName=self.name)["Role"]["Arn"]
        may = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.name}/mine/*"}
        policy = json.dumps(EVERYTHING | {"Statement": [may]})
        lent = cloud.client("sts").assume_role(RoleArn=self.role, RoleSessionName="signer", Policy=policy)[
            "Credentials"
        ]
        keys = (lent["AccessKeyId"], lent["SecretAccessKey"], lent["SessionToken"])
        self._client: Any = cloud.client("s3", keys, signature_version="s3v4")

    def address(self, key: str = "mine/a b", seconds: int = 60) -> str:
        given = {"Bucket": self.name, "Key": key}
        return str(self._client.generate_presigned_url("get_object", Params=given, ExpiresIn=seconds))

    def deny(self) -> None:
        """The bucket's own policy refuses the role."""
        resource = f"arn:aws:s3:::{self.name}/*"
        refuse = {"Effect": "Deny", "Principal": {"AWS": self.role}, "Action": "s3:*", "Resource": resource}
        self._s3.put_bucket_policy(Bucket=self.name, Policy=json.dumps(EVERYTHING | {"Statement": [refuse]}))


@pytest.fixture
def signing(cloud: LocalCloud) -> Signing:
    return Signing(cloud)


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  loopback
            found: int = answer.status
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code
    return found


def test_an_address_reads_what_its_session_may_and_nothing_else(signing: Signing, cloud: LocalCloud) -> None:
    addresses = [signing.address(key) for key in ("mine/a b", "mine/ü+%&", "theirs/x")]

    with enforced_permissions(cloud):
        assert [status(each) for each in addresses] == [200, 200, 403]


def test_an_address_that_was_altered_or_is_over_is_refused(signing: Signing) -> None:
    good = signing.address()

    assert status(good) == 200
    assert status(good.replace("mine/a%20b", "theirs/x")) == 403
    assert status(good.replace("X-Amz-Expires=60", "X-Amz-Expires=61")) == 403
    assert status(signing.address(seconds=0)) == 403


def test_an_address_is_refused_when_the_buckets_policy_denies_its_role(signing: Signing) -> None:
    signing.deny()

    assert status(signing.address()) == 403
