"""Sessions of roles: what they may do, and when they end."""

import json
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.cloud import LocalCloud, code_of, enforced_permissions

Keys = tuple[str, str, str | None]
ROLE_MAY = {"Effect": "Allow", "Action": ["s3:*", "route53:*", "kms:*"], "Resource": "*"}


@pytest.fixture
def cloud(crowd: LocalCloud) -> LocalCloud:
    return crowd


def a_role(cloud: LocalCloud, **more: Any) -> dict[str, Any]:
    """A role that may do anything in S3."""
    name = f"grids-{uuid.uuid4()}"
    trusted = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    iam = cloud.client("iam")
    made = iam.create_role(RoleName=name, Path="/s4/", AssumeRolePolicyDocument=document(trusted), **more)
    iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=document(ROLE_MAY))
    role: dict[str, Any] = made["Role"]
    return role


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def only(bucket: str) -> str:
    """The session policy of one grid."""
    objects = {
        "Effect": "Allow",
        "Action": ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"],
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    itself = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"}
    return document(objects, itself)


def session(cloud: LocalCloud, role: dict[str, Any], **more: Any) -> Keys:
    lent = cloud.client("sts").assume_role(RoleArn=role["Arn"], **{"RoleSessionName": "grid-a", **more})["Credentials"]
    return lent["AccessKeyId"], lent["SecretAccessKey"], lent["SessionToken"]


@pytest.fixture
def bucket(cloud: LocalCloud) -> str:
    return a_bucket(cloud)


def a_bucket(cloud: LocalCloud) -> str:
    name = f"bucket-{uuid.uuid4()}"
    cloud.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def role(cloud: LocalCloud) -> dict[str, Any]:
    return a_role(cloud)


def refusal(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return code_of(refused)


class TestASessionPolicy:
    def test_lets_a_grid_use_its_own_bucket(self, cloud: LocalCloud, role: dict[str, Any], bucket: str) -> None:
        s3 = cloud.client("s3", session(cloud, role, Policy=only(bucket)))
        with enforced_permissions(cloud):
            s3.put_object(Bucket=bucket, Key="shares/a", Body=b"x")
            assert s3.get_object(Bucket=bucket, Key="shares/a")["Body"].read() == b"x"
            assert s3.list_objects_v2(Bucket=bucket, Prefix="shares/")["KeyCount"] == 1
            gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "shares/a"}]})

        assert [each["Key"] for each in gone["Deleted"]] == ["shares/a"]

    def test_keeps_it_from_every_other_bucket_and_api(
        self, cloud: LocalCloud, role: dict[str, Any], bucket: str
    ) -> None:
        other = a_bucket(cloud)
        keys = session(cloud, role, Policy=only(bucket))
        s3, ec2 = cloud.client("s3", keys), cloud.client("ec2", keys)
        with enforced_permissions(cloud):
            codes = [
                refusal(s3.put_object, Bucket=other, Key="a", Body=b"x"),
                refusal(s3.list_objects_v2, Bucket=other),
                refusal(s3.get_bucket_versioning, Bucket=bucket),
                refusal(s3.delete_bucket, Bucket=bucket),
                refusal(s3.list_buckets),
            ]
            refused_ec2 = refusal(ec2.describe_instances)

        assert codes == ["AccessDenied"] * 5
        assert refused_ec2 == "UnauthorizedOperation"

    def test_keeps_it_from_copying_out_of_another_bucket(
        self, cloud: LocalCloud, role: dict[str, Any], bucket: str
    ) -> None:
        other, s3 = a_bucket(cloud), cloud.client("s3", session(cloud, role, Policy=only(bucket)))
        for name in (bucket, other):
            cloud.client("s3").put_object(Bucket=name, Key="a b", Body=b"x")
        with enforced_permissions(cloud):
            s3.copy_object(Bucket=bucket, Key="own", CopySource={"Bucket": bucket, "Key": "a b"})
            source = {"Bucket": other, "Key": "a b"}
            assert refusal(s3.copy_object, Bucket=bucket, Key="theirs", CopySource=source) == "AccessDenied"

    def test_refuses_each_other_api_in_its_own_words(
        self, cloud: LocalCloud, role: dict[str, Any], bucket: str
    ) -> None:
        keys = session(cloud, role, Policy=only(bucket))
        calls = [("ec2", "describe_instances"), ("route53", "list_hosted_zones"), ("iam", "list_roles")]
        calls += [("sts", "get_session_token"), ("kms", "list_keys"), ("service-quotas", "list_services")]
        with enforced_permissions(cloud):
            codes = [refusal(getattr(cloud.client(service, keys), call)) for service, call in calls]

        assert codes == ["UnauthorizedOperation", *["AccessDenied"] * 3, *["AccessDeniedException"] * 2]

    def test_allows_nothing_that_the_role_may_not(self, cloud: LocalCloud, bucket: str) -> None:
        role = a_role(cloud)
        cloud.client("iam").delete_role_policy(RoleName=role["RoleName"], PolicyName="may")
        s3 = cloud.client("s3", session(cloud, role, Policy=only(bucket)))
        with enforced_permissions(cloud):
            assert refusal(s3.put_object, Bucket=bucket, Key="a", Body=b"x") == "AccessDenied"

    def test_of_another_session_of_the_role_does_not_count(
        self, cloud: LocalCloud, role: dict[str, Any], bucket: str
    ) -> None:
        other = a_bucket(cloud)
        first = cloud.client("s3", session(cloud, role, Policy=only(bucket)))
        second = cloud.client("s3", session(cloud, role, Policy=only(other), RoleSessionName="grid-b"))
        with enforced_permissions(cloud):
            first.put_object(Bucket=bucket, Key="a", Body=b"x")
            second.put_object(Bucket=other, Key="a", Body=b"x")
            assert refusal(second.get_object, Bucket=bucket, Key="a") == "AccessDenied"

    def test_without_one_the_session_may_what_the_role_may(
        self, cloud: LocalCloud, role: dict[str, Any], bucket: str
    ) -> None:
        keys = session(cloud, role)
        s3 = cloud.client("s3", keys)
        with enforced_permissions(cloud):
            s3.put_object(Bucket=bucket, Key="a", Body=b"x")
            cloud.client("route53", keys).list_hosted_zones()
            cloud.client("kms", keys).list_keys()

    def test_is_enforced_for_sessions_alone_when_told_so(
        self, cloud: LocalCloud, role: dict[str, Any], bucket: str
    ) -> None:
        other = a_bucket(cloud)
        s3 = cloud.client("s3", session(cloud, role, Policy=only(bucket)))
        assert cloud.control("PUT", "/enforcement", {"who": "sessions"})[0] == 200
        try:
            assert refusal(s3.put_object, Bucket=other, Key="a", Body=b"x") == "AccessDenied"
            cloud.client("s3").put_object(Bucket=other, Key="a", Body=b"x")
        finally:
            cloud.control("PUT", "/enforcement", {"who": "nobody"})


def test_a_policy_may_be_for_one_zone_and_for_roles_of_one_path(cloud: LocalCloud) -> None:
    route53, iam, name = cloud.client("route53"), cloud.client("iam"), f"clerk-{uuid.uuid4()}"
    zones = [
        route53.create_hosted_zone(Name=f"{uuid.uuid4().hex}.test", CallerReference=str(uuid.uuid4()))["HostedZone"][
            "Id"
        ]
        for _ in range(2)
    ]
    own = {
        "Effect": "Allow",
        "Action": "route53:*",
        "Resource": f"arn:aws:route53:::hostedzone/{zones[0].rpartition('/')[2]}",
    }
    roles = {"Effect": "Allow", "Action": "iam:*", "Resource": "arn:aws:iam::123456789012:role/s4/*"}
    tagged = {"Effect": "Allow", "Action": "tag:GetResources", "Resource": "*"}
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=document(own, roles, tagged))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    keys = (made["AccessKeyId"], made["SecretAccessKey"], None)
    role = {"RoleName": name, "AssumeRolePolicyDocument": document()}

    with enforced_permissions(cloud):
        theirs, other = cloud.client("route53", keys), cloud.client("iam", keys)
        theirs.list_resource_record_sets(HostedZoneId=zones[0])
        refused = [refusal(theirs.list_resource_record_sets, HostedZoneId=zones[1]), refusal(other.create_role, **role)]
        other.create_role(**role, Path="/s4/")
        other.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(own))
        cloud.client("resourcegroupstaggingapi", keys).get_resources()

    assert refused == ["AccessDenied"] * 2


class TestABucketPolicy:
    def deny(self, cloud: LocalCloud, bucket: str, principal: str) -> None:
        everything = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
        denied = {"Effect": "Deny", "Principal": {"AWS": principal}, "Action": "s3:*", "Resource": everything}
        cloud.client("s3").put_bucket_policy(Bucket=bucket, Policy=document(denied))

    def test_that_denies_a_role_refuses_its_sessions_and_nobody_else(
        self, cloud: LocalCloud, role: dict[str, Any], bucket: str
    ) -> None:
        theirs = cloud.client("s3", session(cloud, role, Policy=only(bucket)))
        others = cloud.client("s3", session(cloud, a_role(cloud)))
        theirs.put_object(Bucket=bucket, Key="a", Body=b"x")
        self.deny(cloud, bucket, role["Arn"])
        with enforced_permissions(cloud):
            codes = [
                refusal(theirs.put_object, Bucket=bucket, Key="a", Body=b"x"),
                refusal(theirs.get_object, Bucket=bucket, Key="a"),
                refusal(theirs.list_objects_v2, Bucket=bucket),
            ]
            kept = theirs.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}]})
            others.put_object(Bucket=bucket, Key="b", Body=b"x")
            gone = others.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b"}]})

        assert codes == ["AccessDenied"] * 3
        assert [each["Code"] for each in kept["Errors"]] == ["AccessDenied"]
        assert len(gone["Deleted"]) == 1

    def test_holds_for_sessions_although_nothing_else_is_enforced(
        self, cloud: LocalCloud, role: dict[str, Any], bucket: str
    ) -> None:
        theirs = cloud.client("s3", session(cloud, role))
        self.deny(cloud, bucket, role["Arn"])

        assert refusal(theirs.put_object, Bucket=bucket, Key="a", Body=b"x") == "AccessDenied"
        cloud.client("s3").put_object(Bucket=bucket, Key="a", Body=b"x")
        cloud.client("s3").delete_bucket_policy(Bucket=bucket)
        theirs.put_object(Bucket=bucket, Key="a", Body=b"x")

    def test_that_names_a_role_which_does_not_exist_is_refused(self, cloud: LocalCloud, bucket: str) -> None:
        with pytest.raises(ClientError) as refused:
            self.deny(cloud, bucket, "arn:aws:iam::123456789012:role/s4/nobody")

        assert code_of(refused) == "MalformedPolicy"


class TestTheEndOfASession:
    def test_comes_when_it_was_told(self, cloud: LocalCloud, role: dict[str, Any], bucket: str) -> None:
        cloud.fault(kind="short-session", seconds=0)
        keys = session(cloud, role)

        codes = [
            refusal(cloud.client("s3", keys).list_objects_v2, Bucket=bucket),
            refusal(cloud.client("ec2", keys).describe_instances),
            refusal(cloud.client("sts", keys).get_caller_identity),
            refusal(cloud.client("kms", keys).list_keys),
        ]

        assert codes == ["ExpiredToken", "RequestExpired", "ExpiredToken", "ExpiredTokenException"]

    def test_can_be_brought_about_for_one_or_for_all_of_a_role(
        self, cloud: LocalCloud, role: dict[str, Any], bucket: str
    ) -> None:
        first, second = (cloud.client("s3", session(cloud, role, RoleSessionName=name)) for name in ("one", "two"))
        other = cloud.client("s3", session(cloud, a_role(cloud)))
        answers = []
        for which in ({"session": "one"}, {}):
            described = {"kind": "ended-sessions", "role": role["RoleName"], **which}
            answers.append(cloud.control("POST", "/faults", described)[1])

        assert answers == [{"ended": 1}, {"ended": 1}]
        assert {refusal(each.list_objects_v2, Bucket=bucket) for each in (first, second)} == {"ExpiredToken"}
        other.list_objects_v2(Bucket=bucket)

    def test_is_what_the_answer_says(self, cloud: LocalCloud, role: dict[str, Any]) -> None:
        sts, began = cloud.client("sts"), time.time()

        lent = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="grid-a", DurationSeconds=900)

        left = lent["Credentials"]["Expiration"].timestamp() - began
        assert 899 <= left <= 900 + time.time() - began


class TestAssumeRole:
    @pytest.mark.parametrize(
        ("asked", "code"),
        [
            ({"DurationSeconds": 899}, "ValidationError"),
            ({"DurationSeconds": 3601}, "ValidationError"),
            ({"RoleSessionName": "a grid"}, "ValidationError"),
            ({"Policy": "{"}, "MalformedPolicyDocument"),
            ({"Policy": document({"Effect": "Perhaps", "Action": "*", "Resource": "*"})}, "MalformedPolicyDocument"),
            ({"Policy": document({"Effect": "Allow", "Action": "*", "Resource": "x" * 2048})}, "ValidationError"),
        ],
    )
    def test_refuses_what_sts_refuses(
        self, cloud: LocalCloud, role: dict[str, Any], asked: dict[str, Any], code: str
    ) -> None:
        call = cloud.client("sts", parameter_validation=False).assume_role
        parameters = {"RoleArn": role["Arn"], "RoleSessionName": "grid-a", **asked}

        assert refusal(call, **parameters) == code

    def test_keeps_to_the_roles_own_longest_session(self, cloud: LocalCloud) -> None:
        longer = a_role(cloud, MaxSessionDuration=7200)

        session(cloud, longer, DurationSeconds=7200)
        assert refusal(session, cloud=cloud, role=longer, DurationSeconds=7201) == "ValidationError"

    def test_by_a_session_lasts_an_hour_at_most(self, cloud: LocalCloud, role: dict[str, Any]) -> None:
        longer = a_role(cloud, MaxSessionDuration=7200)
        chained = cloud.client("sts", session(cloud, role)).assume_role
        parameters = {"RoleArn": longer["Arn"], "RoleSessionName": "grid-a"}

        chained(**parameters, DurationSeconds=3600)
        assert refusal(chained, **parameters, DurationSeconds=3601) == "ValidationError"

    def test_of_a_role_that_does_not_exist_is_denied(self, cloud: LocalCloud) -> None:
        call = cloud.client("sts").assume_role

        with pytest.raises(ClientError) as refused:
            call(RoleArn="arn:aws:iam::123456789012:role/s4/nobody", RoleSessionName="grid-a")

        assert code_of(refused) == "AccessDenied"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
