from typing import Any

import pytest

from s4_aws.policies import denial, denies, node_policy, trust

ROLE = "arn:aws:iam::123456789012:role/s4/s4-shop-grids"


def test_a_node_may_use_its_bucket_and_nothing_else() -> None:
    statements = node_policy("the-bucket")["Statement"]

    may = {statement["Resource"]: set(statement["Action"]) for statement in statements}
    assert may == {
        "arn:aws:s3:::the-bucket/*": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"},
        "arn:aws:s3:::the-bucket": {
            *("s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation"),
            *("s3:GetBucketVersioning", "s3:GetLifecycleConfiguration"),
        },
    }
    assert {statement["Effect"] for statement in statements} == {"Allow"}


def test_the_role_of_all_nodes_may_do_the_same_in_all_their_buckets() -> None:
    one, many = node_policy("s4-shop-a"), node_policy("s4-shop-*", "s4-old-*")

    assert [each["Action"] for each in one["Statement"]] == [each["Action"] for each in many["Statement"]]
    assert many["Statement"][1]["Resource"] == ["arn:aws:s3:::s4-shop-*", "arn:aws:s3:::s4-old-*"]


def test_only_our_own_account_may_take_the_role() -> None:
    (statement,) = trust("123456789012")["Statement"]

    assert statement["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}


@pytest.mark.parametrize(
    "told",
    [
        {"Action": ["s3:*"]},
        {"Resource": ["arn:aws:s3:::the-bucket/*", "arn:aws:s3:::the-bucket"]},
        {"Principal": {"AWS": [ROLE]}},
        {"Sid": "AnotherName"},
    ],
)
def test_a_denial_is_known_however_it_is_written(told: dict[str, Any]) -> None:
    policy = denial("the-bucket", ROLE)
    policy["Statement"][0] |= told

    assert denies(policy, "the-bucket", ROLE)


def test_a_policy_of_one_statement_need_not_be_a_list() -> None:
    policy = denial("the-bucket", ROLE)

    assert denies({"Statement": policy["Statement"][0]}, "the-bucket", ROLE)


@pytest.mark.parametrize(
    "told",
    [
        {"Effect": "Allow"},
        {"Principal": {"AWS": f"{ROLE}-of-others"}},
        {"Principal": "*"},
        {"Action": "s3:GetObject"},
        {"Resource": "arn:aws:s3:::the-bucket"},
        {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
    ],
)
def test_anything_else_is_no_denial(told: dict[str, Any]) -> None:
    policy = denial("the-bucket", ROLE)
    policy["Statement"][0] |= told

    assert not denies(policy, "the-bucket", ROLE)


def test_a_policy_without_statements_denies_nothing() -> None:
    assert not denies({"Statement": []}, "the-bucket", ROLE)
    assert not denies({}, "the-bucket", ROLE)
