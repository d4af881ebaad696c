"""Everything that a deployment has in a region, found by its tag, and what AWS does not find by tags."""

from collections.abc import AsyncIterator, Iterable

import msgspec

from s4_aws.clients import Clients
from s4_aws.trouble import aws_errors

_PAGE = 100  # GetResources, ResourcesPerPage
_OURS = {"PathPrefix": "/s4/"}
_PROFILE = "iam:instance-profile"


class Thing(msgspec.Struct, frozen=True):
    """One thing at AWS. ``kind`` is ``ec2:instance``, ``ec2:volume``, ``s3:bucket``, ``iam:role`` and the like."""

    kind: str
    id: str
    tags: dict[str, str]


class Tagged:
    """All that has a tag, in one region; of buckets and what IAM has also what was made and never got its tags."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    async def pages(self, key: str, value: str, prefix: str) -> AsyncIterator[list[Thing]]:
        """Page by page, each once: all with the tag, and buckets, roles and profiles whose names begin with ``prefix``.

        One that is gone may be listed for a while (Resource Groups Tagging API, GetResources). What has no tags at
        all, records of DNS for one, is not here.
        """
        known: set[tuple[str, str]] = set()
        async for page in self._listed(key, value):
            known |= {(thing.kind, thing.id) for thing in page}
            yield page
        async for kind, names in self._named(prefix):
            yield [Thing(kind, name, await self._tags_of(kind, name)) for name in names if (kind, name) not in known]

    async def _listed(self, key: str, value: str) -> AsyncIterator[list[Thing]]:
        with aws_errors():
            pages = self._clients.tagging.get_paginator("get_resources").paginate(
                TagFilters=[{"Key": key, "Values": [value]}], PaginationConfig={"PageSize": _PAGE}
            )
            async for page in pages:
                yield [_thing(found["ResourceARN"], found["Tags"]) for found in page["ResourceTagMappingList"]]

    async def _named(self, prefix: str) -> AsyncIterator[tuple[str, list[str]]]:
        """Buckets may have no tags yet. What IAM has is listed in one region at most, and roles nowhere."""
        for kind, client, call, request, list_name, name in (
            ("s3:bucket", self._clients.s3, "list_buckets", self._of_region(prefix), "Buckets", "Name"),
            ("iam:role", self._clients.iam, "list_roles", _OURS, "Roles", "RoleName"),
            (_PROFILE, self._clients.iam, "list_instance_profiles", _OURS, "InstanceProfiles", "InstanceProfileName"),
        ):
            with aws_errors():
                pages = client.get_paginator(call).paginate(**request, PaginationConfig={"PageSize": _PAGE})
                async for page in pages:
                    yield kind, [found[name] for found in page[list_name] if found[name].startswith(prefix)]

    def _of_region(self, prefix: str) -> dict[str, str]:
        return {"Prefix": prefix, "BucketRegion": self._clients.region}

    async def _tags_of(self, kind: str, name: str) -> dict[str, str]:
        s3, iam = self._clients.s3, self._clients.iam
        with aws_errors("NoSuchTagSet", "NoSuchBucket", "NoSuchEntity"):
            match kind:
                case "s3:bucket":
                    return _pairs((await s3.get_bucket_tagging(Bucket=name))["TagSet"])
                case "iam:role":
                    return _pairs((await iam.get_role(RoleName=name))["Role"].get("Tags", ()))
                case _:
                    found = await iam.get_instance_profile(InstanceProfileName=name)
                    return _pairs(found["InstanceProfile"].get("Tags", ()))
        return {}


def _thing(arn: str, tags: list[dict[str, str]]) -> Thing:
    """``arn:partition:service:region:account:kind/id``, with ``:`` for ``/``, or of S3 with nothing but the name."""
    service, name = arn.split(":", 5)[2::3]
    kind, _, own = name.replace(":", "/", 1).partition("/")
    return Thing(f"{service}:{kind}", own, _pairs(tags)) if own else Thing(f"{service}:bucket", name, _pairs(tags))


def _pairs(tags: Iterable[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}
