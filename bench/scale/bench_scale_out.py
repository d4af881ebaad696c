"""One, two and four replicas of each service: signups a second, what uses the processor, and what is lost by fewer.

A whole shop without its visitors: replicas are processes of their own (`python -m s4_SERVICE serve`), behind balancers
that do what a Kubernetes Service does. Payments come by billing's outbox, and for each replica twelve are always on
their way; counted are letters that lead to a furl. The database keeps what it has promised (fsync on). Machines are a
crowd (they let us in and take what they are told). A shell script stands for the client that proves a grid, which would
use all processors there are: once it is content at once, and what processors are left is the limit; once it sleeps for
as long as a real one works, and then the two proofs at once of each replica are. Last, with a quarter of the work
done, one of four replicas of each service is killed and two are ended; the one that is left finishes.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.billing.crowded import figure, report  # noqa: E402  the path is set above

from support.replicas.scaled import PROBE_SECONDS, Rate, Scaled  # noqa: E402

_SIZES = (1, 2, 4)
_PART = 0.6  # of what could be had


def rows(rates: list[Rate], part: float | None) -> list[dict[str, Any]]:
    """Signups a second beside those of one replica in the same run; the goal is a part of what could be had.

    That is as many times more as there are replicas, as far as processors have room by what one signup took of them.
    """
    found, one = [], rates[0]
    for rate in rates:
        row = figure(f"{rate.replicas} of each service, proofs of {rate.probed:g} s", rate.per_second, "signups/s")
        room = 1000 * (os.cpu_count() or 1) / sum(rate.each.values())
        ratio, most = rate.per_second / one.per_second, min(rate.replicas, max(1.0, room / one.per_second))
        goal = None if part is None else round(part * most, 2)
        found.append(
            {
                **row,
                "baseline": round(one.per_second, 2),
                "ratio": round(ratio, 2),
                "goal": goal,
                "ok": goal is None or ratio >= goal,
            }
        )
    return found


async def measured(folder: Path, window: float, signups: int) -> list[dict[str, Any]]:
    """The table; what each process used is printed on the way."""
    processors, proofs = [], []
    async with Scaled.open(folder) as scaled:
        for size in _SIZES:
            await scaled.scale(size)
            processors.append(await scaled.rate(size, window))
            proofs.append(await scaled.rate(size, window, probed=PROBE_SECONDS))
            print(f"  {processors[-1]}\n  {proofs[-1]}", flush=True)
        fewer = await scaled.fewer(_SIZES[-1], signups)
    print(f"  4 of each become 1 with {fewer.left} of {fewer.signups} to go: {fewer.wrong or 'nothing is wrong'}")
    lost = figure("ways in which fewer replicas lost or doubled something", len(fewer.wrong), "ways")
    each = [
        figure(f"{rate.replicas} of each: processor of {name} for each signup", spent, "ms")
        for rate in (processors[0], processors[-1])
        for name, spent in rate.each.items()
    ]
    return [*rows(processors, None), *rows(proofs, _PART), {**lost, "goal": 0, "ok": not fewer.wrong}, *each]


def main() -> int:
    """Print the table and write build/bench/scale_out.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--signups", type=int, default=24, help="that are under way when replicas end")
    parser.add_argument("--window", type=float, default=10, help="seconds for which each size is measured")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        table = asyncio.run(measured(folder, asked.window, asked.signups))
    report("scale_out", table)
    return 0 if all(each["ok"] is not False for each in table) else 1


if __name__ == "__main__":
    sys.exit(main())
