"""moto's S3, which takes no policy that S3 would refuse, and no more buckets than the quota."""

from typing import Any, ClassVar

from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket, S3Backend, s3_backends

from s4_devcloud.aws.policies import Malformed, arns_of, parse
from s4_devcloud.aws.quotas import Quotas
from s4_devcloud.aws.sessions import role_named


class MalformedPolicy(S3ClientError):
    """It would have no effect, or another one than its author thinks."""

    code = "MalformedPolicy"


class StrictS3Backend(S3Backend):
    """One account's buckets."""

    quotas: ClassVar[Quotas]

    def create_bucket(self, bucket_name: str, region_name: str, *more: Any, **named: Any) -> FakeBucket:
        """Raises TooManyBuckets."""
        if bucket_name not in self.buckets:
            self.quotas.check_buckets(len(self.buckets))
        return super().create_bucket(bucket_name, region_name, *more, **named)

    def put_bucket_policy(self, bucket_name: str, policy: bytes) -> None:
        """Raises MalformedPolicy, also for a role that does not exist."""
        try:
            statements = parse(policy.decode())
        except Malformed as malformed:
            raise MalformedPolicy(str(malformed)) from None
        for statement in statements:
            if not {"Principal", "NotPrincipal"} & statement.keys():
                raise MalformedPolicy("Missing required field Principal")
            for arn in arns_of(statement):
                if ":role/" in arn and role_named(arn)[1] is None:
                    raise MalformedPolicy("Invalid principal in policy")
        super().put_bucket_policy(bucket_name, policy)


def extend(quotas: Quotas) -> None:
    """From now on every account has the strict one."""
    StrictS3Backend.__module__ = S3Backend.__module__  # moto finds its routes by the module's name
    StrictS3Backend.quotas = quotas
    s3_backends.backend = StrictS3Backend
