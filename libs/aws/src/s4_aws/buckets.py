"""A grid's bucket: private, encrypted, proved by a put and a get."""

import asyncio
import os
from typing import Any

from s4_aws.trouble import aws_errors
from s4_runtime import Temporary

_PROBE_KEY = "s4-probe"
# What a killed node left unfinished is paid for until somebody ends it. No upload of a live one takes that long.
_UNFINISHED_DAYS = 2
_NO_LOCATION = "us-east-1"  # the one region that CreateBucket refuses to be told (S3 API, CreateBucket)


class BucketUnproved(Temporary):
    """What was put into the bucket did not come back as it was."""


class ObjectsRemain(Temporary):
    """Not everything that was to be deleted is gone."""


class Buckets:
    """Buckets of one region, whose objects are listed and deleted ``page`` at a time; S3 allows a thousand."""

    def __init__(self, s3: Any, region: str, page: int = 1000) -> None:
        self._s3 = s3
        self._region = region
        self._page = page

    async def ensure(self, name: str, tags: dict[str, str]) -> None:
        """The bucket is ours, closed to the public, encrypted, tagged and tidied, and gives back what it is given.

        Idempotent. Raises BucketUnproved and the errors of aws.trouble: AwsRefused for somebody else's bucket.
        """
        await self._create(name)
        with aws_errors():
            await asyncio.gather(self._close(name), self._encrypt(name), self._tag(name, tags), self._tidy(name))
        await self._prove(name)

    async def _create(self, name: str) -> None:
        place = {} if self._region == _NO_LOCATION else {"LocationConstraint": self._region}
        extra = {"CreateBucketConfiguration": place} if place else {}
        with aws_errors("BucketAlreadyOwnedByYou"):  # somebody else's is BucketAlreadyExists, a refusal
            await self._s3.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerEnforced", **extra)

    async def exists(self, name: str) -> bool:
        """Whether there is a bucket of this name that we may use."""
        with aws_errors("403", "404", "AccessDenied", "Forbidden", "NoSuchBucket"):
            await self._s3.head_bucket(Bucket=name)
            return True
        return False

    async def holds(self, name: str, least_bytes: int) -> bool:
        """Whether all objects in the bucket are that large together; asks for page after page until they are."""
        found = 0
        with aws_errors():
            async for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=name):
                found += sum(each["Size"] for each in page.get("Contents", ()))
                if found >= least_bytes:
                    return True
        return False

    async def first_keys(self, name: str) -> list[str]:
        """The first keys in S3's order, a page of them; none for a bucket that is empty or gone."""
        with aws_errors("NoSuchBucket"):
            answer = await self._s3.list_objects_v2(Bucket=name, MaxKeys=self._page)
            return [found["Key"] for found in answer.get("Contents", ())]
        return []

    async def delete_objects(self, name: str, keys: list[str]) -> None:
        """They are gone. Raises ObjectsRemain; idempotent."""
        objects = [{"Key": key} for key in keys]
        with aws_errors():
            answer = await self._s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})
        if answer.get("Errors"):
            raise ObjectsRemain("objects-not-deleted", count=len(answer["Errors"]))

    async def abort_uploads(self, name: str) -> None:
        """No upload is unfinished: those cost money, and no list of objects shows them. Idempotent."""
        while uploads := await self._uploads(name):
            for upload in uploads:
                with aws_errors("NoSuchUpload"):
                    await self._s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])

    async def delete(self, name: str) -> None:
        """The bucket is gone, which was empty. Raises ObjectsRemain; idempotent."""
        with aws_errors("NoSuchBucket", "BucketNotEmpty"):
            await self._s3.delete_bucket(Bucket=name)
            return
        with aws_errors("404", "NoSuchBucket"):  # whoever may not look does not know that it is gone
            await self._s3.head_bucket(Bucket=name)
            raise ObjectsRemain("bucket-not-empty")

    async def _uploads(self, name: str) -> list[dict[str, Any]]:
        with aws_errors("NoSuchBucket"):
            answer = await self._s3.list_multipart_uploads(Bucket=name, MaxUploads=self._page)
            return list(answer.get("Uploads", ()))
        return []

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
