"""A new release of every service while people sign up: how long it takes, and what anybody meets of it.

Two replicas of each service are replaced in the order and in the way of `s4 deploy` and of the manifests (one more at a
time, ready for ten seconds, then one of the old ones leaves the balancer and is told to end ten seconds later). The
later release is this clone's code with one more migration of each service, under another revision. Meanwhile three
people at a time buy a grid by the site's pages, pay at Stripe's double, wait, and open the letter's link; four read
pages. Grids are real: one shared machine (plain sshd) runs them, and a Tahoe-LAFS client proves each.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.billing.crowded import figure, report  # noqa: E402  the path is set above

from support.replicas.rolled import rolled_out  # noqa: E402


def main() -> int:
    """Print the figures and write build/bench/rollout.json; 1 when somebody met something."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pace", type=float, default=1.0, help="of the pauses that the manifests say")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        rolled = asyncio.run(rolled_out(folder, asked.pace))
    print(f"  {rolled}")
    for wrong in rolled.wrong:
        print(f"  {wrong}", file=sys.stderr)
    report(
        "rollout",
        [
            figure(f"rollout at {asked.pace:g} of the manifests' pauses", rolled.seconds, "s"),
            figure("requests", rolled.answers.requests, "requests"),
            figure("failed requests", rolled.answers.failed.total(), "requests"),
            figure("longest time without an answer to anybody", rolled.answers.longest_gap, "s"),
            figure("signups", len(rolled.bought), "signups"),
            figure("events", rolled.books.events, "events"),
            figure("events lost and doubled", len(rolled.books.lost) + len(rolled.books.doubled), "events"),
            figure("load of the machine", os.getloadavg()[0], ""),
        ],
    )
    return 1 if rolled.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
