"""moto's S3, which takes no policy that S3 would refuse, and no more buckets than the quota."""

from typing import Any, ClassVar

from moto.core.responses import ActionResult
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket, S3Backend, s3_backends
from moto.s3.responses import S3Response

from s4_devcloud.aws.policies import Malformed, arns_of, parse
from s4_devcloud.aws.quotas import Quotas
from s4_devcloud.aws.sessions import role_named

MOST_BUCKETS = 10_000
OWNER = {"ID": "bcaf1ffd86f41161ca5fb16fd081034f", "DisplayName": "webfile"}  # moto's


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


def list_buckets(response: Any) -> Any:
    """ListBuckets in pages: moto cuts the first one off and gives no way to the next."""
    response.data["Action"] = "ListAllMyBuckets"
    response._authenticate_and_authorize_s3_action()  # noqa: SLF001  as moto's own begins
    ask = response._get_param  # noqa: SLF001  as above
    said = {name: ask(name) for name in ("prefix", "bucket-region", "max-buckets", "continuation-token")}
    found = response.backend.list_buckets(prefix=said["prefix"], bucket_region=said["bucket-region"], max_buckets=None)
    left = sorted(
        (each for each in found if each.name > (said["continuation-token"] or "")), key=lambda each: each.name
    )
    shown = left[: int(said["max-buckets"] or MOST_BUCKETS)]
    buckets = [
        {"Name": each.name, "CreationDate": each.creation_date_ISO8601, "BucketRegion": each.region_name}
        for each in shown
    ]
    token = shown[-1].name if len(shown) < len(left) else None
    response.data["Action"] = "ListBuckets"
    answer = {"Owner": OWNER, "Buckets": buckets, "ContinuationToken": token, "Prefix": said["prefix"]}
    return response.serialized(ActionResult({name: value for name, value in answer.items() if value is not None}))


def _of_its_region(backend: Any, resources: Any) -> Any:
    """Buckets are tagged resources of their region alone."""
    for resource in resources:
        name = resource.arn.partition(":s3:::")[2]
        bucket = s3_backends[backend.account_id]["aws"].buckets.get(name) if name else None
        if bucket is None or bucket.region_name == backend.region_name:
            yield resource


def extend(quotas: Quotas) -> None:
    """From now on every account has the strict one."""
    StrictS3Backend.__module__ = S3Backend.__module__  # moto finds its routes by the module's name
    StrictS3Backend.quotas = quotas
    S3Response.all_buckets = list_buckets  # type: ignore[method-assign,assignment]  # no hook
    generator = ResourceGroupsTaggingAPIBackend._get_resources_generator  # noqa: SLF001  no hook

    def resources(backend: Any, *args: Any, **kwargs: Any) -> Any:
        return _of_its_region(backend, generator(backend, *args, **kwargs))

    setattr(ResourceGroupsTaggingAPIBackend, generator.__name__, resources)
    s3_backends.backend = StrictS3Backend
