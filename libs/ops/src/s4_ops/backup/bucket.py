"""A prefix in a bucket of S3. Writing needs s3:PutObject and s3:AbortMultipartUpload, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from s4_ops.backup import manifest
from s4_ops.backup.settings import BackupSettings
from s4_runtime import Permanent, Temporary

# S3 takes 10,000 parts (S3 User Guide, "Multipart upload limits"): 64 MiB each make 625 GiB.
PART = 64 << 20
_REFUSED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket", "ExpiredToken"}
_CONFIG = Config(connect_timeout=10, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 5})


class Bucket:
    """Backups below ``prefix``. A name that was written is never written again."""

    def __init__(self, name: str, prefix: str, settings: BackupSettings) -> None:
        self._name = name
        self._prefix = f"{prefix}/" if prefix else ""
        with _understood("session"):
            session = botocore.session.Session(profile=settings.profile)
            self._s3: Any = session.create_client(
                "s3", region_name=settings.region, endpoint_url=settings.endpoint_url, config=_CONFIG
            )

    def put(self, name: str, file: Path) -> None:
        """As Place: in one request, or in parts of which nothing is seen before the last has come."""
        with _understood(name), file.open("rb") as body:
            if file.stat().st_size <= PART:
                self._s3.put_object(**self._at(name), Body=body, IfNoneMatch="*")
            else:
                self._put_parts(name, body)

    def get(self, name: str, target: IO[bytes]) -> bool:
        """As Place."""
        try:
            with _understood(name):
                body = self._s3.get_object(**self._at(name))["Body"]
                for chunk in body.iter_chunks(1 << 20):
                    target.write(chunk)
        except _Missing:
            return False
        return True

    def backups(self) -> list[str]:
        """As Place."""
        with _understood("list"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._name, Prefix=self._prefix, Delimiter="/"
            )
            folders = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ())]
        names = [folder.removeprefix(self._prefix).rstrip("/") for folder in folders]
        return sorted(name for name in names if manifest.is_backup_id(name))

    def remove(self, backup: str) -> None:
        """As Place. What is locked stays until its day: S3 answers AccessDenied to who names a version."""
        self._delete(f"{backup}/{manifest.NAME}")
        with _understood(backup):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._name, Prefix=f"{self._prefix}{backup}/"
            )
            keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
        for key in keys:
            self._delete(key.removeprefix(self._prefix))

    def _delete(self, name: str) -> None:
        with _understood(name):
            self._s3.delete_object(**self._at(name))

    def _put_parts(self, name: str, body: IO[bytes]) -> None:
        upload = {**self._at(name), "UploadId": self._s3.create_multipart_upload(**self._at(name))["UploadId"]}
        try:
            parts: list[dict[str, object]] = []
            while chunk := body.read(PART):
                number = len(parts) + 1
                answer = self._s3.upload_part(**upload, PartNumber=number, Body=chunk)
                parts.append({"PartNumber": number, "ETag": answer["ETag"]})
            self._s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*")
        except BaseException:  # interrupted too: no part is left to pay for; it goes on to the caller
            self._s3.abort_multipart_upload(**upload)
            raise

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": self._name, "Key": self._prefix + name}


class _Missing(Permanent):
    """Nothing lies there."""


@contextmanager
def _understood(name: str) -> Iterator[None]:
    """The SDK's errors are ours: refusals Permanent, everything else Temporary."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code == "NoSuchKey":
            raise _Missing("backup-lacks-piece", piece=name) from None
        if code == "PreconditionFailed":
            raise Permanent("backup-exists", name=name) from None
        if code in _REFUSED:
            raise Permanent("backup-place-refused", name=name, why=code) from None
        raise Temporary("backup-place-failed", name=name, why=code) from None
    except BotoCoreError as error:
        raise Temporary("backup-place-failed", name=name, why=type(error).__name__) from None
