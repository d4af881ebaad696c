"""`s4-node usage PLACE`: how many bytes and objects a grid has, by kind."""

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass, field

from tqdm import tqdm

from s4_node.s3.errors import S3Error
from s4_node.storage import layout
from s4_node.storage.tally import Amount, Tally
from s4_node.tools.open import opened, why
from s4_node.tools.places import BadPlace, Readable

SIZES = ((2**14, "up to 16 KiB"), (2**20, "up to 1 MiB"), (2**27, "up to 128 MiB"))
LARGER = "larger"


@dataclass
class Counted:
    """Bytes and objects by kind, and how many shares there are of which size."""

    tally: Tally = field(default_factory=Tally)
    sizes: Counter[str] = field(default_factory=Counter)
    storage_indexes: int = 0

    def as_json(self) -> str:
        """The same for a program."""
        kinds = {kind: _amount(one) for kind, one in sorted(self.tally.amounts.items())}
        shares = {"storage_indexes": self.storage_indexes, "shares": dict(self.sizes)}
        return json.dumps({"total": _amount(self.tally.total), "kinds": kinds, **shares})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own words."""
    parser.description = "Count everything by listing it; nothing is read. One request for each 1000 objects."
    parser.add_argument("place", metavar="PLACE", help="a node's directory, a storage directory, or s3://BUCKET/...")
    parser.add_argument("--json", action="store_true", help="the result as JSON on stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def main(args: argparse.Namespace) -> int:
    """Count; 0 when it was counted, 1 when it could not be, 2 for wrong words."""
    try:
        counted = count(opened(args.place), quiet=args.quiet)
    except BadPlace as wrong:
        print(f"s4-node usage: {wrong}", file=sys.stderr)
        return 2
    except (S3Error, OSError) as error:
        print(f"s4-node usage: {why(error)}", file=sys.stderr)
        return 1
    if args.json:
        print(counted.as_json())
    else:
        _say(counted)
    return 0


def count(place: Readable, *, quiet: bool) -> Counted:
    """Everything that the place's listing shows."""
    counted, last = Counted(), b""
    with tqdm(unit=" objects", disable=quiet or None, leave=False, file=sys.stderr) as bar:
        for entry in place.entries():
            counted.tally.change(entry.key, None, entry.size)
            name = layout.share_name(entry.key)
            if name is not None:
                counted.sizes[_size_of(entry.size)] += 1
                counted.storage_indexes += name.storage_index != last
                last = name.storage_index
            bar.update()
    return counted


def _size_of(size: int) -> str:
    return next((name for most, name in SIZES if size <= most), LARGER)


def _amount(amount: Amount) -> dict[str, int]:
    return {"objects": amount.objects, "bytes": amount.bytes}


def _say(counted: Counted) -> None:
    for kind, amount in [*sorted(counted.tally.amounts.items()), ("together", counted.tally.total)]:
        print(f"{kind:12} {amount.objects:>12} objects {amount.bytes:>18} bytes")
    print(f"{counted.storage_indexes} storage indexes")
    for name in [name for _, name in SIZES] + [LARGER]:
        if name in counted.sizes:
            print(f"  shares {name:14} {counted.sizes[name]:>12}")
