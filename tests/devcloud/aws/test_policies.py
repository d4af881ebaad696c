"""What IAM's policy language says of a request."""

import json
from typing import Any

import pytest

from s4_devcloud.aws.policies import Asked, Malformed, Verdict, judge, parse

OBJECT = "arn:aws:s3:::bucket/shares/a"


def said(*statements: dict[str, Any], asked: Asked | None = None) -> Verdict:
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return judge(parse(document), asked or Asked("s3:PutObject", OBJECT))


def allow(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:PutObject", "Resource": OBJECT, **more}


@pytest.mark.parametrize(
    ("statement", "verdict"),
    [
        (allow(), "allow"),
        (allow(Action="S3:putobject"), "allow"),
        (allow(Action=["s3:Get*", "s3:Put*"]), "allow"),
        (allow(Action="s3:Put?bject"), "allow"),
        (allow(Action="s3:Put"), "none"),
        (allow(Resource="arn:aws:s3:::bucket/*"), "allow"),
        (allow(Resource="arn:aws:s3:::bucket"), "none"),
        (allow(Resource="arn:aws:s3:::BUCKET/*"), "none"),
        (allow(Resource="arn.aws.s3...bucket/*"), "none"),
        ({"Effect": "Allow", "NotAction": "s3:Get*", "Resource": "*"}, "allow"),
        ({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}, "none"),
        ({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::bucket/*"}, "none"),
    ],
)
def test_a_statement_speaks_of_its_actions_and_resources_alone(statement: dict[str, Any], verdict: Verdict) -> None:
    assert said(statement) == verdict


def test_a_deny_wins_wherever_it_stands() -> None:
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}

    assert said(deny, allow()) == said(allow(), deny) == "deny"


@pytest.mark.parametrize(
    ("element", "speaks"),
    [
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": ["arn:other", "arn:role"]}}, True),
        ({"Principal": {"AWS": "arn:other"}}, False),
        ({"Principal": {"Service": "ec2.amazonaws.com"}}, False),
        ({"NotPrincipal": {"AWS": "arn:role"}}, False),
        ({"NotPrincipal": {"AWS": "arn:other"}}, True),
    ],
)
def test_a_resources_policy_speaks_of_those_whom_it_names(element: dict[str, Any], speaks: bool) -> None:  # noqa: FBT001  a parameter
    asked = Asked("s3:PutObject", OBJECT, frozenset({"arn:role", "arn:session"}))

    assert said({"Effect": "Deny", "Action": "*", "Resource": "*", **element}, asked=asked) == (
        "deny" if speaks else "none"
    )


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"StringEquals": {"s3:prefix": ["shares/", "other/"]}}, True),
        ({"StringEquals": {"S3:Prefix": "shares"}}, False),
        ({"StringNotEquals": {"s3:prefix": "other/"}}, True),
        ({"StringLike": {"s3:prefix": "sh*"}}, True),
        ({"StringEquals": {"aws:username": "me"}}, False),
        ({"StringEqualsIfExists": {"aws:username": "me"}}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/s4/*"}}, True),
        ({"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::1:role/s4/grids"}}, False),
        ({"Bool": {"aws:SecureTransport": False}}, False),
        ({"Bool": {"aws:SecureTransport": "True"}}, True),
        ({"Null": {"aws:username": True}}, True),
        ({"Bool": {"aws:SecureTransport": True}, "Null": {"s3:prefix": "true"}}, False),
    ],
)
def test_every_condition_must_hold(condition: dict[str, Any], holds: bool) -> None:  # noqa: FBT001  a parameter
    context = {
        "s3:prefix": "shares/",
        "aws:PrincipalArn": "arn:aws:iam::1:role/s4/grids",
        "aws:SecureTransport": "true",
    }
    asked = Asked("s3:PutObject", OBJECT, context=context)

    assert said(allow(Condition=condition), asked=asked) == ("allow" if holds else "none")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "[]",
        "{}",
        '{"Statement": ["x"]}',
        '{"Statement": {"Effect": "Perhaps", "Action": "*"}}',
        '{"Statement": {"Effect": "Allow"}}',
        '{"Statement": {"Effect": "Deny", "Action": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}}',
    ],
)
def test_what_is_not_understood_is_refused(wrong: str) -> None:
    with pytest.raises(Malformed):
        parse(wrong)
