"""`s4-node copy SOURCE TARGET`: a grid moves from a disk to a bucket, from bucket to bucket, or back to a disk."""

import argparse
import json
import sys
from pathlib import Path

from tqdm import tqdm

from s4_node.s3.errors import S3Error
from s4_node.settings import StorageSettings
from s4_node.tools.bucket_place import BucketPlace
from s4_node.tools.copying import Copied, Copying, Outcome, Tally
from s4_node.tools.disk import Disk
from s4_node.tools.open import bucket, disk, why
from s4_node.tools.places import BadPlace, Place, located
from s4_node.tools.renewed import Renewed

PLACE = (
    "a node's directory, a storage directory, or s3://BUCKET/PREFIX with any setting of the section behind a question "
    "mark: ?endpoint=https://...&region=...&credentials=profile:..."
)

_OTHERS: dict[Outcome, str] = {
    "same": "were there already",
    "different": "left, because the target has others",
    "changed": "changed meanwhile",
    "failed": "failed",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own words."""
    parser.description = (
        "Copy every share, lease and corruption advisory, and read back what was written. What the target already has "
        "is left alone, so a copy that was interrupted goes on when it is started again. A source that is being served "
        "may be copied; when its node has stopped, copy once more with --overwrite for what changed meanwhile."
    )
    parser.add_argument("source", metavar="SOURCE", help=PLACE)
    parser.add_argument("target", metavar="TARGET", help="the same; a storage directory may be new")
    parser.add_argument("--overwrite", action="store_true", help="replace what is different in the target")
    parser.add_argument("--no-read-back", action="store_true", help="do not read again what was written")
    parser.add_argument("--workers", type=int, default=8, metavar="N", help="how many objects at a time (default 8)")
    parser.add_argument("--dry-run", action="store_true", help="only count what there is to copy")
    parser.add_argument("--json", action="store_true", help="the result as JSON on stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def main(args: argparse.Namespace) -> int:
    """Copy, and return 0 when the target has all; 1 when something could not be copied; 2 for wrong words."""
    try:
        source, target = _two_places(args.source, args.target)
        copying = Copying(
            _readable(source, target),
            _place(target),
            overwrite=args.overwrite,
            read_back=not args.no_read_back,
            workers=max(1, args.workers),
        )
        total, count = _extent(copying.source)
        if args.dry_run:
            print(json.dumps({"objects": count, "bytes": total}) if args.json else f"{count} objects, {total} bytes")
            return 0
        tally = _run(copying, total, quiet=args.quiet)
    except BadPlace as wrong:
        print(f"s4-node copy: {wrong}", file=sys.stderr)
        return 2
    except (S3Error, OSError) as error:
        print(f"s4-node copy: {why(error)}", file=sys.stderr)
        return 1
    return _report(args, tally)


def _two_places(source: str, target: str) -> tuple[StorageSettings | Path, StorageSettings | Path]:
    ours, theirs = located(source), located(target)
    if ours == theirs:
        raise BadPlace("source and target are the same place")
    return ours, theirs


def _run(copying: Copying, total: int, *, quiet: bool) -> Tally:
    bytes_of_1024 = {"unit": "B", "unit_scale": True, "unit_divisor": 1024}
    with tqdm(total=total, **bytes_of_1024, disable=quiet or None, file=sys.stderr) as bar:

        def told(copied: Copied) -> None:
            bar.update(copied.entry.size)

        return copying.run(told)


def _extent(source: Place) -> tuple[int, int]:
    """Bytes and objects there are to look at."""
    sizes = count = 0
    for entry in source.entries():
        sizes, count = sizes + entry.size, count + 1
    return sizes, count


def _place(place: StorageSettings | Path) -> Place:
    return Disk(place) if isinstance(place, Path) else BucketPlace(bucket(place), place.part_bytes)


def _readable(source: StorageSettings | Path, target: StorageSettings | Path) -> Place:
    """The source; for a disk, with each share's renewed leases in the share, where the disk backend looks for them."""
    if isinstance(source, Path):
        return disk(source)
    there = bucket(source)
    return Renewed(there) if isinstance(target, Path) else BucketPlace(there, source.part_bytes)


def _report(args: argparse.Namespace, tally: Tally) -> int:
    troubles = [{"key": each.entry.key, "outcome": each.outcome, "why": each.why} for each in tally.troubles]
    if args.json:
        print(json.dumps({"objects": tally.objects, "copied_bytes": tally.copied_bytes, "troubles": troubles}))
    else:
        for each in tally.troubles:
            print(f"{each.outcome}: {each.entry.key}: {each.why}")
        print(_summary(tally))
    return 0 if tally.is_complete else 1


def _summary(tally: Tally) -> str:
    copied = f"{tally.objects.get('copied', 0)} objects copied, {tally.copied_bytes} bytes"
    others = [f"{tally.objects[outcome]} {words}" for outcome, words in _OTHERS.items() if outcome in tally.objects]
    return "; ".join([copied, *others])
