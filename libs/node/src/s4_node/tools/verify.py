"""`s4-node verify PLACE`: the headers of every share are read, and what is damaged is named."""

import argparse
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from tqdm import tqdm

from s4_node.s3.errors import S3Error
from s4_node.storage import layout
from s4_node.tools.open import opened, why
from s4_node.tools.places import BadPlace, Changed, Entry, Readable
from s4_node.tools.shape import problems

BATCH = 256


@dataclass
class Found:
    """What became of the shares; `damaged` says why, by key."""

    shares: int = 0
    bytes: int = 0
    changed: int = 0  # written to, or deleted, while they were looked at
    damaged: dict[str, list[str]] = field(default_factory=dict)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own words."""
    parser.description = (
        "Read the headers of every share (one or two small requests each) and name what is cut short, spliced or no "
        "share at all. The hashes inside can only be checked with a capability: `tahoe check --verify` does that."
    )
    parser.add_argument("place", metavar="PLACE", help="a node's directory, a storage directory, or s3://BUCKET/...")
    parser.add_argument("--workers", type=int, default=16, metavar="N", help="how many shares at a time (default 16)")
    parser.add_argument("--json", action="store_true", help="the result as JSON on stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def main(args: argparse.Namespace) -> int:
    """Look at everything; 0 when all is well, 1 when something is damaged or could not be read, 2 for wrong words."""
    try:
        found = verify(opened(args.place), max(1, args.workers), quiet=args.quiet)
    except BadPlace as wrong:
        print(f"s4-node verify: {wrong}", file=sys.stderr)
        return 2
    except (S3Error, OSError) as error:
        print(f"s4-node verify: {why(error)}", file=sys.stderr)
        return 1
    _say(found, as_json=args.json)
    return 1 if found.damaged else 0


def verify(place: Readable, workers: int, *, quiet: bool) -> Found:
    """Everything that is found in the place's shares. Raises S3Error and OSError."""
    found = Found()
    shares = (entry for entry in place.entries() if layout.share_name(entry.key))
    with (
        ThreadPoolExecutor(workers) as pool,
        tqdm(unit=" shares", disable=quiet or None, leave=False, file=sys.stderr) as bar,
    ):
        while batch := list(islice(shares, BATCH)):
            for entry, wrong in zip(batch, pool.map(lambda entry: _look(place, entry), batch), strict=True):
                _note(found, entry, wrong)
                bar.update()
    return found


def _look(place: Readable, entry: Entry) -> list[str] | None:
    try:
        return problems(entry.key, entry.size, lambda start, end: place.read(entry, start, end))
    except Changed:
        return None


def _note(found: Found, entry: Entry, wrong: list[str] | None) -> None:
    found.shares += 1
    found.bytes += entry.size
    if wrong is None:
        found.changed += 1
    elif wrong:
        found.damaged[entry.key] = wrong


def _say(found: Found, *, as_json: bool) -> None:
    if as_json:
        print(
            json.dumps(
                {"shares": found.shares, "bytes": found.bytes, "changed": found.changed, "damaged": found.damaged}
            )
        )
        return
    for line in _lines(found):
        print(line)


def _lines(found: Found) -> Iterator[str]:
    for key, wrong in found.damaged.items():
        yield f"damaged: {key}: {'; '.join(wrong)}"
    yield f"{found.shares} shares, {found.bytes} bytes, {len(found.damaged)} damaged"
    if found.changed:
        yield f"{found.changed} were changed or deleted meanwhile"
