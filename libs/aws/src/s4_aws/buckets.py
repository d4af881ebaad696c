"""A grid's bucket: private, encrypted, proved by a put and a get."""

import asyncio
import json
import os
from datetime import UTC, datetime
from typing import Any

import msgspec

from s4_aws.policies import denial, denies
from s4_aws.trouble import NameTaken, aws_errors
from s4_runtime import Temporary

_PROBE_KEY = "s4-probe"
# What a killed node left unfinished is paid for until somebody ends it. No upload of a live one takes that long.
_UNFINISHED_DAYS = 2
_NO_LOCATION = "us-east-1"  # the one region that CreateBucket refuses to be told (S3 API, CreateBucket)


class BucketUnproved(Temporary):
    """What was put into the bucket did not come back as it was."""


class ObjectsRemain(Temporary):
    """Not everything that was to be deleted is gone."""


class BucketTakenBySomebodyElse(NameTaken):
    """Another account has a bucket of this name. Names are the whole world's: only another name helps."""


class Measure(msgspec.Struct, frozen=True):
    """What a bucket holds; ``is_whole`` unless the counting was ended before the bucket was."""

    objects: int
    bytes: int
    is_whole: bool


class Stored(msgspec.Struct, frozen=True):
    """One version of an object, or the mark of its deletion; where nothing has versions, the object itself."""

    key: str
    version: str


class Listed(msgspec.Struct, frozen=True):
    """An object as a list shows it."""

    key: str
    size: int
    modified: datetime


class Buckets:
    """Buckets of one region, whose objects are listed and deleted ``page`` at a time; S3 allows a thousand."""

    def __init__(self, s3: Any, region: str, page: int = 1000) -> None:
        self._s3 = s3
        self._region = region
        self._page = page

    async def ensure(self, name: str, tags: dict[str, str]) -> None:
        """The bucket is ours, closed to the public, encrypted, tagged and tidied, and gives back what it is given.

        Idempotent. Raises BucketTakenBySomebodyElse, BucketUnproved and the errors of s4_aws.trouble.
        """
        await self._create(name)
        with aws_errors():
            await asyncio.gather(self._close(name), self._encrypt(name), self._tag(name, tags), self._tidy(name))
        await self._prove(name)

    async def _create(self, name: str) -> None:
        place = {} if self._region == _NO_LOCATION else {"LocationConstraint": self._region}
        extra = {"CreateBucketConfiguration": place} if place else {}
        # Our own is BucketAlreadyOwnedByYou, or no error at all in us-east-1 (S3 API, CreateBucket).
        with aws_errors("BucketAlreadyOwnedByYou", "BucketAlreadyExists") as ended:
            await self._s3.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerEnforced", **extra)
        if ended.code == "BucketAlreadyExists":
            raise BucketTakenBySomebodyElse("bucket-taken", bucket=name)

    async def exists(self, name: str) -> bool:
        """Whether there is a bucket of this name that we may use."""
        with aws_errors("403", "404", "AccessDenied", "Forbidden", "NoSuchBucket"):
            await self._s3.head_bucket(Bucket=name)
            return True
        return False

    async def deny(self, name: str, role_arn: str) -> None:
        """Every session of the role, also one that was given out before, can do nothing with the bucket. Idempotent.

        S3 needs seconds to say so everywhere. The bucket's owner keeps all rights. Nothing to do for one that is gone.
        """
        with aws_errors("NoSuchBucket"):
            await self._s3.put_bucket_policy(Bucket=name, Policy=json.dumps(denial(name, role_arn)))

    async def denied(self, name: str, role_arn: str) -> bool:
        """Whether no session of the role can use the bucket, by the bucket's own policy or because it is gone."""
        with aws_errors("NoSuchBucketPolicy", "NoSuchBucket") as ended:
            answer = await self._s3.get_bucket_policy(Bucket=name)
            return denies(json.loads(answer["Policy"]), name, role_arn)
        return ended.code == "NoSuchBucket"

    async def admit(self, name: str) -> None:
        """The bucket has no policy of its own: sessions of the role can use it again. Idempotent."""
        with aws_errors("NoSuchBucket", "NoSuchBucketPolicy"):
            await self._s3.delete_bucket_policy(Bucket=name)

    async def measure(self, name: str, at_most_pages: int | None = None) -> Measure:
        """How many objects there are and how large they are together; each page of them is one request."""
        objects = size = pages = 0
        with aws_errors():
            pages_of = self._s3.get_paginator("list_objects_v2").paginate
            async for page in pages_of(Bucket=name, PaginationConfig={"PageSize": self._page}):
                found = page.get("Contents", ())
                objects, size, pages = objects + len(found), size + sum(each["Size"] for each in found), pages + 1
                if page.get("IsTruncated") and pages == at_most_pages:
                    return Measure(objects, size, is_whole=False)
        return Measure(objects, size, is_whole=True)

    async def holds(self, name: str, least_bytes: int) -> bool:
        """Whether all objects in the bucket are that large together; asks for page after page until they are."""
        found = 0
        with aws_errors():
            async for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=name):
                found += sum(each["Size"] for each in page.get("Contents", ()))
                if found >= least_bytes:
                    return True
        return False

    async def listed(self, name: str, after: str | None, limit: int) -> tuple[list[Listed], bool]:
        """Up to ``limit`` objects whose keys follow ``after`` in S3's order; whether there are more."""
        start = {} if after is None else {"StartAfter": after}
        with aws_errors():
            answer = await self._s3.list_objects_v2(Bucket=name, MaxKeys=limit, **start)
        found = [
            Listed(each["Key"], each["Size"], each["LastModified"].astimezone(UTC))
            for each in answer.get("Contents", ())
        ]
        return found, bool(answer.get("IsTruncated"))

    async def first_keys(self, name: str) -> list[str]:
        """The first keys in S3's order, a page of them; none for a bucket that is empty or gone."""
        with aws_errors("NoSuchBucket"):
            answer = await self._s3.list_objects_v2(Bucket=name, MaxKeys=self._page)
            return [found["Key"] for found in answer.get("Contents", ())]
        return []

    async def delete_objects(self, name: str, keys: list[str]) -> None:
        """They are gone. Raises ObjectsRemain; idempotent."""
        await self._delete(name, [{"Key": key} for key in keys])

    async def first_versions(self, name: str) -> list[Stored]:
        """The first of all that is stored, old versions and marks of deletion too; none for a bucket that is gone."""
        with aws_errors("NoSuchBucket"):
            answer = await self._s3.list_object_versions(Bucket=name, MaxKeys=self._page)
            found = [*answer.get("Versions", ()), *answer.get("DeleteMarkers", ())]
            return [Stored(each["Key"], each["VersionId"]) for each in found]
        return []

    async def delete_versions(self, name: str, stored: list[Stored]) -> None:
        """These are gone and leave no mark. Raises ObjectsRemain; idempotent."""
        await self._delete(name, [{"Key": each.key, "VersionId": each.version} for each in stored])

    async def abort_uploads(self, name: str) -> None:
        """No upload that had begun before is unfinished: those cost money, and no list of objects shows them.

        Goes once through the list, so it ends even while others begin new ones. Raises ObjectsRemain if some are left.
        Idempotent.
        """
        with aws_errors("NoSuchBucket"):
            pages = self._s3.get_paginator("list_multipart_uploads").paginate(
                Bucket=name, PaginationConfig={"PageSize": self._page}
            )
            async for page in pages:
                for upload in page.get("Uploads", ()):
                    await self._abort(name, upload["Key"], upload["UploadId"])
            answer = await self._s3.list_multipart_uploads(Bucket=name, MaxUploads=1)
            if answer.get("Uploads"):
                raise ObjectsRemain("uploads-remain")

    async def delete(self, name: str) -> None:
        """The bucket is gone, which was empty. Raises ObjectsRemain; idempotent."""
        with aws_errors("NoSuchBucket", "BucketNotEmpty"):
            await self._s3.delete_bucket(Bucket=name)
            return
        with aws_errors("404", "NoSuchBucket"):  # whoever may not look does not know that it is gone
            await self._s3.head_bucket(Bucket=name)
            raise ObjectsRemain("bucket-not-empty")

    async def _delete(self, name: str, objects: list[dict[str, str]]) -> None:
        if not objects:
            return
        with aws_errors("NoSuchBucket"):
            answer = await self._s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})
            if answer.get("Errors"):
                raise ObjectsRemain("objects-not-deleted", count=len(answer["Errors"]))

    async def _abort(self, name: str, key: str, upload: str) -> None:
        with aws_errors("NoSuchUpload"):
            await self._s3.abort_multipart_upload(Bucket=name, Key=key, UploadId=upload)

    async def _close(self, name: str) -> None:
        await self._s3.put_public_access_block(
            Bucket=name,
            PublicAccessBlockConfiguration=dict.fromkeys(
                ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
            ),
        )

    async def _encrypt(self, name: str) -> None:
        await self._s3.put_bucket_encryption(
            Bucket=name,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
        )

    async def _tag(self, name: str, tags: dict[str, str]) -> None:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        await self._s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": pairs})

    async def _tidy(self, name: str) -> None:
        ends = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _UNFINISHED_DAYS}}
        rule = {"ID": "unfinished-uploads", "Status": "Enabled", "Filter": {"Prefix": ""}, **ends}
        await self._s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})

    async def _prove(self, name: str) -> None:
        """Put and get; versioning is left as a new bucket has it, off: deleted data must be gone."""
        content = os.urandom(64)
        with aws_errors():
            await self._s3.put_object(Bucket=name, Key=_PROBE_KEY, Body=content)
            answer, versioning = await asyncio.gather(
                self._s3.get_object(Bucket=name, Key=_PROBE_KEY), self._s3.get_bucket_versioning(Bucket=name)
            )
            async with answer["Body"] as body:
                found = await body.read()
            await self._s3.delete_object(Bucket=name, Key=_PROBE_KEY)
        if found != content or versioning.get("Status") == "Enabled":
            raise BucketUnproved("bucket-unproved")
