"""Everything that a deployment has in a region, found by its tag, and what AWS does not find by tags."""

from collections.abc import AsyncIterator

import msgspec

from s4_aws.clients import Clients
from s4_aws.trouble import aws_errors

_PAGE = 100  # GetResources, ResourcesPerPage
_ROLES = "/s4/"


class Thing(msgspec.Struct, frozen=True):
    """One thing at AWS. ``kind`` is ``ec2:instance``, ``ec2:volume``, ``s3:bucket``, ``iam:role`` and the like."""

    kind: str
    id: str
    tags: dict[str, str]


class Tagged:
    """All that has a tag, in one region; of buckets and roles also what was made and never got its tags."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    async def pages(self, key: str, value: str, prefix: str) -> AsyncIterator[list[Thing]]:
        """Page by page everything with the tag, and buckets and roles whose names begin with ``prefix``.

        A thing may come twice, and one that is gone may be listed for a while (Resource Groups Tagging API,
        GetResources). What has no tags at all, records of DNS for one, is not here.
        """
        async for page in self._listed(key, value):
            yield page
        async for page in self._buckets(prefix):
            yield page
        async for page in self._roles(prefix):
            yield page

    async def _listed(self, key: str, value: str) -> AsyncIterator[list[Thing]]:
        with aws_errors():
            pages = self._clients.tagging.get_paginator("get_resources").paginate(
                TagFilters=[{"Key": key, "Values": [value]}], PaginationConfig={"PageSize": _PAGE}
            )
            async for page in pages:
                yield [_thing(found["ResourceARN"], found["Tags"]) for found in page["ResourceTagMappingList"]]

    async def _buckets(self, prefix: str) -> AsyncIterator[list[Thing]]:
        region = self._clients.region
        with aws_errors():
            pages = self._clients.s3.get_paginator("list_buckets").paginate(
                Prefix=prefix, BucketRegion=region, PaginationConfig={"PageSize": _PAGE}
            )
            async for page in pages:
                names = [found["Name"] for found in page["Buckets"] if found["Name"].startswith(prefix)]
                yield [Thing("s3:bucket", name, await self._tags_of(name)) for name in names]

    async def _tags_of(self, bucket: str) -> dict[str, str]:
        with aws_errors("NoSuchTagSet", "NoSuchBucket"):
            return _pairs((await self._clients.s3.get_bucket_tagging(Bucket=bucket))["TagSet"])
        return {}

    async def _roles(self, prefix: str) -> AsyncIterator[list[Thing]]:
        """Roles are nowhere in the tagging API (its user guide, "Services that support")."""
        with aws_errors():
            pages = self._clients.iam.get_paginator("list_roles").paginate(PathPrefix=_ROLES)
            async for page in pages:
                names = [found["RoleName"] for found in page["Roles"] if found["RoleName"].startswith(prefix)]
                yield [
                    Thing("iam:role", name, _pairs((await self._clients.iam.list_role_tags(RoleName=name))["Tags"]))
                    for name in names
                ]


def _thing(arn: str, tags: list[dict[str, str]]) -> Thing:
    """``arn:partition:service:region:account:kind/id``, with ``:`` for ``/``, or of S3 with nothing but the name."""
    service, name = arn.split(":", 5)[2::3]
    kind, _, own = name.replace(":", "/", 1).partition("/")
    return Thing(f"{service}:{kind}", own, _pairs(tags)) if own else Thing(f"{service}:bucket", name, _pairs(tags))


def _pairs(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}
