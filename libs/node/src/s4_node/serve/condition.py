"""How a grid is, in the words of health pages, of `--list` and of the metrics."""

from dataclasses import dataclass
from typing import Literal

State = Literal["waiting", "starting", "serving", "failed", "stopping"]


@dataclass(frozen=True)
class BucketSeen:
    """What came of the last look at the bucket; `reachable` is None before the first."""

    reachable: bool | None
    code: str  # S3's, when it is not reachable
    seconds_ago: float

    def json(self) -> dict[str, object]:
        """For a machine."""
        return {"reachable": self.reachable, "code": self.code, "seconds_ago": round(self.seconds_ago, 1)}


@dataclass(frozen=True)
class Stored:
    """What is in a grid's bucket, as last counted, with what was written since."""

    bytes: int
    objects: int

    def json(self) -> dict[str, object]:
        """For a machine."""
        return {"bytes": self.bytes, "objects": self.objects}


@dataclass(frozen=True)
class Condition:
    """One grid, now."""

    state: State
    why: str = ""  # it is not served, where that is known
    listening: bool = False
    announced: bool | None = None  # None where there is no storage server
    bucket: BucketSeen | None = None  # None where shares are on a disk
    usage: Stored | None = None  # None there, too, and before the first count

    @property
    def is_ready(self) -> bool:
        """A customer can store and read."""
        reachable = self.bucket is None or self.bucket.reachable is True
        return self.state == "serving" and self.listening and self.announced is not False and reachable

    def json(self) -> dict[str, object]:
        """For a machine."""
        return {
            "state": self.state,
            "ready": self.is_ready,
            "listening": self.listening,
            "announced": self.announced,
            "bucket": self.bucket.json() if self.bucket else None,
            "usage": self.usage.json() if self.usage else None,
            **({"why": self.why} if self.why else {}),
        }
