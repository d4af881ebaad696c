"""Who may do what with a bucket, in IAM's own language."""

from typing import Any

_VERSION = "2012-10-17"
# What the storage node asks of its bucket, and its checks ask about it (IAM actions of S3).
_OBJECTS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload")
_WHOLE = (
    *("s3:ListBucket", "s3:ListBucketMultipartUploads"),
    *("s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:GetLifecycleConfiguration"),
)


def node_policy(*buckets: str) -> dict[str, Any]:
    """What a storage node does in these buckets is allowed, and nothing else; a name may end in ``*``."""
    arns = [f"arn:aws:s3:::{bucket}" for bucket in buckets]
    return {
        "Version": _VERSION,
        "Statement": [
            {"Effect": "Allow", "Action": list(_OBJECTS), "Resource": _one([f"{arn}/*" for arn in arns])},
            {"Effect": "Allow", "Action": list(_WHOLE), "Resource": _one(arns)},
        ],
    }


def reader_policy(bucket: str) -> dict[str, Any]:
    """Whoever fetches what is in the bucket: its objects are read and listed, and nothing else."""
    arn = f"arn:aws:s3:::{bucket}"
    return {
        "Version": _VERSION,
        "Statement": [
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{arn}/*"},
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": arn},
        ],
    }


def denial(bucket: str, role_arn: str) -> dict[str, Any]:
    """The bucket's own policy by which no session of the role may do anything with it, now and later."""
    arn = f"arn:aws:s3:::{bucket}"
    refuse = {"Sid": "NoSessions", "Effect": "Deny", "Principal": {"AWS": role_arn}, "Action": "s3:*"}
    return {"Version": _VERSION, "Statement": [refuse | {"Resource": [arn, f"{arn}/*"]}]}


def denies(policy: dict[str, Any], bucket: str, role_arn: str) -> bool:
    """Whether the denial is in the bucket's policy, however AWS writes it when it is asked."""
    (wanted,) = denial(bucket, role_arn)["Statement"]
    return any(_normal(each) == _normal(wanted) for each in _many(policy.get("Statement", [])))


def trust(account: str) -> dict[str, Any]:
    """Whoever in the account has the permission may take the role, and nobody else."""
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    return {
        "Version": _VERSION,
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
    }


def _normal(statement: dict[str, Any]) -> dict[str, list[Any]]:
    told = {name: value for name, value in statement.items() if name != "Sid"}
    if isinstance(told.get("Principal"), dict):
        told["Principal"] = told["Principal"].get("AWS")
    return {name: sorted(map(str, _many(value))) for name, value in told.items()}


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _one(resources: list[str]) -> str | list[str]:
    return resources[0] if len(resources) == 1 else resources
