"""A grid's bucket: private, encrypted, proved by a put and a get."""

import asyncio
import os
from typing import Any

from s4_provisioner.aws.trouble import aws_errors
from s4_runtime import Temporary

_PROBE_KEY = "s4-probe"
# What a killed node left unfinished is paid for until somebody ends it. No upload of a live one takes that long.
_UNFINISHED_DAYS = 2
_NO_LOCATION = "us-east-1"  # the one region that CreateBucket refuses to be told (S3 API, CreateBucket)


class BucketUnproved(Temporary):
    """What was put into the bucket did not come back as it was."""


class Buckets:
    """Buckets of one region."""

    def __init__(self, s3: Any, region: str) -> None:
        self._s3 = s3
        self._region = region

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
