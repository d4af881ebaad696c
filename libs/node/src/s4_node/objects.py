"""A grid's objects, without blocking: what s4_node.s3.bucket.Bucket does, each answer a Deferred."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from twisted.internet.defer import Deferred

from s4_node.s3.capabilities import Capabilities, probe
from s4_node.s3.values import Body, Condition, Got, Pending, Stat, Unchanged
from s4_node.workers import Lane

if TYPE_CHECKING:
    from s4_node.s3.bucket import Bucket

T = TypeVar("T")


class Objects:
    """A bucket whose requests are made in a lane. Errors are those of s4_node.s3.errors, and workers.Stopped."""

    def __init__(self, bucket: "Bucket", lane: Lane, *, hurried: bool = True) -> None:
        self._bucket, self._lane = bucket, lane
        self._call = lane.call if hurried else lane.call_unhurried

    @property
    def grid(self) -> str:
        """Whose they are: for the log of a process that serves many."""
        return self._lane.name

    def unhurried(self) -> "Objects":
        """The same objects; what is asked here comes after everything that somebody waits for."""
        return Objects(self._bucket, self._lane, hurried=False)

    def hurry(self, answer: "Deferred[T]") -> None:
        """Somebody waits now for this answer of an unhurried request."""
        self._lane.hurry(answer)

    def put(self, key: str, body: Body, *, only_if: Condition | None = None) -> "Deferred[str]":
        """Store it; its etag. Raises ConditionFailed."""
        return self._call(self._bucket.put, key, body, only_if=only_if)

    def get(self, key: str, start: int = 0, end: int | None = None, *, etag: str | None = None) -> "Deferred[Got]":
        """Read from `start` up to `end`, which is not included. Raises Missing, ConditionFailed, OutOfRange."""
        return self._call(self._bucket.get, key, start, end, etag=etag)

    def get_if_changed(self, key: str, etag: str) -> "Deferred[Got | None]":
        """Read it all; None when it still has this etag. Raises Missing."""
        return self._call(self._bucket.get_if_changed, key, etag)

    def head(self, key: str) -> "Deferred[Stat]":
        """How it is. Raises Missing."""
        return self._call(self._bucket.head, key)

    def delete(self, key: str, *, only_if: Unchanged | None = None) -> "Deferred[None]":
        """It is gone; one that was not there is fine."""
        return self._call(self._bucket.delete, key, only_if=only_if)

    def delete_many(self, keys: Sequence[str]) -> "Deferred[None]":
        """They are gone."""
        return self._call(self._bucket.delete_many, keys)

    def list(self, prefix: str, *, after: str = "") -> "Deferred[list[Stat]]":
        """Every object under the prefix, all pages."""
        return self._call(_all_stats, self._bucket, prefix, after)

    def list_page(self, prefix: str, after: str = "", limit: int = 1000) -> "Deferred[tuple[list[Stat], str | None]]":
        """One page, and after what the next one begins."""
        return self._call(self._bucket.list_page, prefix, after, limit)

    def begin_upload(self, key: str) -> "Deferred[str]":
        """A new multipart upload."""
        return self._call(self._bucket.begin_upload, key)

    def put_part(self, key: str, upload: str, number: int, body: Body) -> "Deferred[str]":
        """Store one part; its etag."""
        return self._call(self._bucket.put_part, key, upload, number, body)

    def complete_upload(
        self, key: str, upload: str, etags: Sequence[str], *, only_if: Condition | None = None
    ) -> "Deferred[str]":
        """The parts become the object; its etag. Raises ConditionFailed, Missing."""
        return self._call(self._bucket.complete_upload, key, upload, etags, only_if=only_if)

    def abort_upload(self, key: str, upload: str) -> "Deferred[None]":
        """The parts are gone; an upload that was not there is fine."""
        return self._call(self._bucket.abort_upload, key, upload)

    def capabilities(self) -> "Deferred[Capabilities]":
        """What the store really does, found out by doing it."""
        return self._call(probe, self._bucket)

    def uploads(self, prefix: str) -> "Deferred[list[Pending]]":
        """Every multipart upload that is neither completed nor aborted."""
        return self._call(_all_uploads, self._bucket, prefix)


def _all_stats(bucket: "Bucket", prefix: str, after: str) -> "list[Stat]":
    found: Iterator[Stat] = bucket.list(prefix, after=after)
    return [*found]


def _all_uploads(bucket: "Bucket", prefix: str) -> list[Pending]:
    found: Iterator[Pending] = bucket.uploads(prefix)
    return [*found]
