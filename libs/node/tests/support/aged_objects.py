"""Objects whose listings show the ages that a test says: no S3 lets a client choose when an object was written."""

from dataclasses import replace
from datetime import UTC, datetime

from twisted.internet.defer import Deferred

from s4_node.objects import Objects
from s4_node.s3.bucket import Bucket
from s4_node.s3.values import Stat
from s4_node.workers import Lane

Page = tuple[list[Stat], str | None]


class AgedObjects(Objects):
    """`written` maps keys to seconds since 1970; every other object was written now."""

    def __init__(self, bucket: Bucket, lane: Lane) -> None:
        super().__init__(bucket, lane)
        self.written: dict[str, float] = {}
        self.page = 1000

    def unhurried(self) -> Objects:
        return self

    def list_page(self, prefix: str, after: str = "", limit: int = 1000) -> "Deferred[Page]":
        return super().list_page(prefix, after, min(limit, self.page)).addCallback(self._aged)

    def _aged(self, answer: Page) -> Page:
        page, following = answer
        return [
            replace(stat, modified=datetime.fromtimestamp(self.written[stat.key], UTC))
            if stat.key in self.written
            else stat
            for stat in page
        ], following
