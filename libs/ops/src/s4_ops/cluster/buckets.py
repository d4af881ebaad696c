"""The bucket with kops' state, which nobody else may see, and the one whose documents AWS itself must read."""

import json
from typing import Any

from botocore.exceptions import ClientError

from s4_ops.cluster.cloud import Cloud, aws_trouble
from s4_ops.cluster.spec import Spec
from s4_runtime import Permanent

_NO_LOCATION = "us-east-1"  # the one region that CreateBucket refuses to be told (S3 API, CreateBucket)
_KEPT_DAYS = 90  # of versions that are not the newest any more
_CLOSED = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_OPEN_TO_POLICY = ("BlockPublicAcls", "IgnorePublicAcls")


def missing(cloud: Cloud, name: str) -> bool:
    """Whether there is no such bucket yet. Raises Permanent when it is somebody else's."""
    try:
        cloud.client("s3").head_bucket(Bucket=name)
    except ClientError as refused:
        code = str(refused.response["Error"]["Code"])
        if code in {"404", "NoSuchBucket"}:
            return True
        raise Permanent("bucket-not-ours", bucket=name, reason=code) from None
    return False


def ensure_state(cloud: Cloud, spec: Spec) -> None:
    """The bucket is there, keeps old versions, is encrypted with our key, closed, and reached by TLS alone."""
    with aws_trouble():
        _ensure(cloud, spec, spec.state_bucket, _CLOSED)
        s3, name = cloud.client("s3"), spec.state_bucket
        encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": spec.encryption_key}
        rules = [{"ApplyServerSideEncryptionByDefault": encryption, "BucketKeyEnabled": True}]
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(_policy(_tls_only(name))))


def ensure_identity(cloud: Cloud, spec: Spec) -> None:
    """The bucket is there; what is in it (public keys, by which AWS knows service accounts) may be read by anybody."""
    with aws_trouble():
        _ensure(cloud, spec, spec.identity_bucket, _OPEN_TO_POLICY)
        name = spec.identity_bucket
        readable = {"Sid": "PublicKeys", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
        statements = ({**readable, "Resource": f"arn:aws:s3:::{name}/*"}, _tls_only(name))
        cloud.client("s3").put_bucket_policy(Bucket=name, Policy=json.dumps(_policy(*statements)))


def _ensure(cloud: Cloud, spec: Spec, name: str, blocked: tuple[str, ...]) -> None:
    s3 = cloud.client("s3")
    if missing(cloud, name):
        place = {} if spec.region == _NO_LOCATION else {"LocationConstraint": spec.region}
        extra = {"CreateBucketConfiguration": place} if place else {}
        s3.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerEnforced", **extra)
    shut = {flag: flag in blocked for flag in _CLOSED}
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=shut)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    old = {"NoncurrentDays": _KEPT_DAYS}
    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": old}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})


def _tls_only(name: str) -> dict[str, Any]:
    arn = f"arn:aws:s3:::{name}"
    refuse = {"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
    return {**refuse, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
