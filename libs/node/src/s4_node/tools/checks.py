"""What is checked of a bucket, one after the other; each check says what it found and what to do about it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from s4_node.s3 import errors
from s4_node.s3.bucket import Bucket
from s4_node.s3.capabilities import Capabilities, probe
from s4_node.s3.errors import S3Error
from s4_node.s3.requests import Patience
from s4_node.settings import StorageSettings
from s4_node.storage import layout

State = Literal["ok", "warning", "failed"]
HASTE = Patience(whole=10.0, silence=5.0)
DAY_SECONDS = 86_400
AFTER_ALL_OF = "\U0010ffff"  # sorts behind any other character
LOOPBACK = ("localhost", "127.", "[::1]")

ADVICE = {
    errors.NoCredentials: "no credentials were found; set `credentials`, or AWS' environment variables, or give the "
    "machine a role",
    errors.Forbidden: "the credentials may not do this; they need s3:GetObject, s3:PutObject, s3:DeleteObject and "
    "s3:AbortMultipartUpload on the objects, s3:ListBucket and s3:ListBucketMultipartUploads on the bucket",
    errors.BucketMissing: "there is no such bucket; create it, or correct `bucket` and `endpoint`",
    errors.WrongRegion: "the bucket is in another region; correct `region`",
    errors.ClockSkewed: "this machine's clock is wrong; set it by NTP",
    errors.Unavailable: "there is no answer; is `endpoint` right, and reachable from here?",
}


@dataclass(frozen=True)
class Finding:
    """What one check found; `what` is for a person and has no secrets in it."""

    check: str
    state: State
    what: str


def checks(settings: StorageSettings) -> Iterator[Finding]:
    """Everything, as it is found; after a failure nothing more is asked."""
    yield Finding("configuration", "ok", f"bucket {settings.store.bucket}, {_where(settings)}")
    yield from _transport(settings)
    bucket = Bucket(settings.store, patience=HASTE)
    try:
        capabilities = probe(bucket)
        yield Finding("bucket", "ok", "an object was written, read and deleted")
        yield from _conditions(capabilities, settings)
        for check in (_region, _versions):
            yield from check(capabilities, settings)
        for look in (_lifecycle, _unfinished, _foreign):
            yield from look(bucket)
    except S3Error as error:
        yield Finding("bucket", "failed", f"{error}: {advice(error)}")


def advice(error: S3Error) -> str:
    """What a person can do about it."""
    for kind, text in ADVICE.items():
        if isinstance(error, kind):
            return text
    return "the store does not answer as S3 does"


def _where(settings: StorageSettings) -> str:
    prefix = f", prefix {settings.store.prefix}" if settings.store.prefix else ""
    return (settings.store.endpoint or f"Amazon S3 in {settings.store.region}") + prefix


def _transport(settings: StorageSettings) -> Iterator[Finding]:
    url = urlsplit(settings.store.endpoint or "https://")
    if url.scheme == "http" and not (url.hostname or "").startswith(LOOPBACK):
        yield Finding("transport", "warning", "requests are not encrypted on their way; use an https:// endpoint")


def _conditions(capabilities: Capabilities, settings: StorageSettings) -> Iterator[Finding]:
    if capabilities.allows_two_writers:
        yield Finding("conditional writes", "ok", "two nodes on this bucket would not overwrite each other")
    elif settings.single_writer:
        yield Finding("conditional writes", "warning", "the store ignores them; never let two nodes use this bucket")
    else:
        what = "the store ignores them: two nodes would lose data. If there is only ever one, set single_writer = true"
        yield Finding("conditional writes", "failed", what)
    if not capabilities.checksums:
        yield Finding("checksums", "warning", "the store accepts bytes that differ from their checksum")


def _region(capabilities: Capabilities, settings: StorageSettings) -> Iterator[Finding]:
    if capabilities.region and capabilities.region != settings.store.region:
        yield Finding(
            "region", "warning", f"the bucket is in {capabilities.region}; set region = {capabilities.region}"
        )


def _versions(capabilities: Capabilities, _settings: StorageSettings) -> Iterator[Finding]:
    if capabilities.versioned is None:
        yield Finding("versioning", "warning", "the credentials may not see it (s3:GetBucketVersioning)")
    elif capabilities.versioned:
        what = "deleted and overwritten shares stay and are paid for; suspend versioning, or expire old versions"
        yield Finding("versioning", "warning", what)
    else:
        yield Finding("versioning", "ok", "off")


def _lifecycle(bucket: Bucket) -> Iterator[Finding]:
    rules = bucket.lifecycle()
    if rules is None:
        yield Finding("lifecycle", "warning", "the credentials may not see it (s3:GetLifecycleConfiguration)")
    elif rules.abort_days is None:
        what = "no rule aborts uploads that nobody completes; add AbortIncompleteMultipartUpload"
        yield Finding("lifecycle", "warning", what)
    else:
        yield Finding("lifecycle", "ok", f"uploads that nobody completes are aborted after {rules.abort_days} days")


def _unfinished(bucket: Bucket) -> Iterator[Finding]:
    begun = [upload.begun.timestamp() for upload in bucket.uploads("")]
    old = sum(time.time() - at > DAY_SECONDS for at in begun)
    state: State = "warning" if old else "ok"
    yield Finding("unfinished uploads", state, f"{len(begun)}, of which {old} are older than a day")


def _foreign(bucket: Bucket) -> Iterator[Finding]:
    """Look at the first key that is not below one of ours, with one small request for each gap between ours."""
    after: str | None = ""
    while after is not None:
        page, _ = bucket.list_page("", after, 1)
        key = page[0].key if page else None
        root = next((root for root in layout.ROOTS if key is not None and key.startswith(root)), None)
        if key is not None and root is None:
            what = f"{key!r} is none of a node's; give each node a bucket or a prefix of its own"
            yield Finding("foreign objects", "warning", what)
            return
        after = None if root is None else root + AFTER_ALL_OF
    yield Finding("foreign objects", "ok", "none")
