"""A grid copied from one place to another: what is there already is left, what is copied is read back.

Nothing is remembered but what is in the target, so that a copy that was ended on any line goes on where it was when
it is asked for again.
"""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from s4_node.s3.errors import S3Error
from s4_node.s3.values import Absent, Condition, Unchanged
from s4_node.tools.likeness import PIECE, digest, is_same
from s4_node.tools.places import Changed, Entry, Place

Outcome = Literal["copied", "same", "different", "changed", "failed"]
Pair = tuple[Entry, Entry | None]


class Mismatch(Exception):
    """What was read back is not what was written."""


@dataclass(frozen=True)
class Copied:
    """What became of one object."""

    entry: Entry
    outcome: Outcome
    why: str = ""


@dataclass
class Tally:
    """What became of all of them. `troubles` holds the first ones that are neither copied nor the same."""

    objects: dict[Outcome, int] = field(default_factory=dict)
    copied_bytes: int = 0
    troubles: list[Copied] = field(default_factory=list)

    def add(self, copied: Copied) -> None:
        """Count one."""
        self.objects[copied.outcome] = self.objects.get(copied.outcome, 0) + 1
        if copied.outcome == "copied":
            self.copied_bytes += copied.entry.size
        elif copied.outcome != "same" and len(self.troubles) < MOST_TROUBLES:
            self.troubles.append(copied)

    @property
    def is_complete(self) -> bool:
        """Whether the target has all that the source has."""
        return self.objects.keys() <= {"copied", "same"}


MOST_TROUBLES = 100


@dataclass(frozen=True)
class Copying:
    """One run."""

    source: Place
    target: Place
    overwrite: bool = False
    read_back: bool = True
    workers: int = 8

    def run(self, told: Callable[[Copied], None]) -> Tally:
        """Copy everything, several at a time; `told` hears of each from this thread as it ends."""
        tally = Tally()
        pairs = paired(self.source.entries(), self.target.entries())
        with ThreadPoolExecutor(self.workers, thread_name_prefix="copy") as pool:
            running: set[Future[Copied]] = set()
            try:
                while True:
                    room = 2 * self.workers - len(running)
                    running |= {pool.submit(self._one, *pair) for pair in islice(pairs, room)}
                    if not running:
                        return tally
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    for each in done:
                        tally.add(each.result())
                        told(each.result())
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _one(self, ours: Entry, theirs: Entry | None) -> Copied:
        try:
            if theirs is not None and is_same(self.source, ours, self.target, theirs):
                return Copied(ours, "same")
            if theirs is not None and not self.overwrite:
                return Copied(ours, "different", "the target has another; --overwrite would replace it")
            self._copy(ours, Absent() if theirs is None else Unchanged(theirs.etag))
        except Changed:
            return Copied(ours, "changed", "it was written to meanwhile; copy again")
        except (S3Error, OSError, Mismatch) as error:
            return Copied(ours, "failed", f"{type(error).__name__}: {error}")
        return Copied(ours, "copied")

    def _copy(self, entry: Entry, only_if: Condition) -> None:
        sent = hashlib.sha256()

        def pieces() -> Iterator[bytes]:
            for piece in self.source.pieces(entry, PIECE):
                sent.update(piece)
                yield piece

        self.target.write(entry, pieces(), only_if)
        if self.read_back and digest(self.target, Entry(entry.key, entry.size)) != sent.hexdigest():
            raise Mismatch("what was read back differs from what was written")


def paired(source: Iterator[Entry], target: Iterator[Entry]) -> Iterator[Pair]:
    """Each entry of the source with the target's of the same key; both in the order of their keys."""
    theirs = next(target, None)
    for ours in source:
        while theirs is not None and theirs.key < ours.key:
            theirs = next(target, None)
        yield ours, theirs if theirs is not None and theirs.key == ours.key else None
