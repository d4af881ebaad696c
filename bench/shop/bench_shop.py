"""A whole shop: what its services hold in memory at rest, and where the time goes between payment and furl.

The shop is started in a folder of its own, with fsync on. Memory is the proportional set size of each service, read
after ten idle seconds. Then customers buy one grid after the other, each on a machine that boots cold from the baked
image; the seconds of each step are the site's own, the total is the customer's clock from the paid answer to the
status "ready".
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from s4_shop.demo.customer import Customer
from s4_shop.demo.progress import follow
from s4_shop.demo.timeline import shares
from s4_shop.options import default_options
from s4_shop.shop import Shop

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("web", "billing", "provisioner", "notifier", "invites", "support")
SIGNUPS = 5
REST_SECONDS = 10
MOST_SECONDS = 25.0
MOST_OVERHEAD_SECONDS = 1.5


def row(name: str, value: float, unit: str, goal: float | None = None) -> dict[str, object]:
    """One figure in the form that all benches write."""
    ok = None if goal is None else value <= goal
    return {
        "name": name,
        "value": round(value, 2),
        "unit": unit,
        "baseline": None,
        "ratio": None,
        "goal": goal,
        "ok": ok,
    }


async def measure(shop: Shop) -> list[dict[str, object]]:
    """Memory first, then the signups."""
    await asyncio.sleep(REST_SECONDS)
    figures = [row(f"memory at rest, {name}", shop.memory_mib(name), "MiB") for name in SERVICES]
    runs = []
    for number in range(SIGNUPS):
        async with Customer(shop.urls["site"]) as customer:
            await customer.sign_up(f"bench-{number}-{time.time_ns()}@example.com")
            await customer.pay()
            paid = time.monotonic()
            progress = await follow(customer, f"{shop.urls['site']}/status", lambda _line: None, within=120)
            total = time.monotonic() - paid
            runs.append({**shares(progress.seconds, total), "paid to ready": total})
    for name in runs[0]:
        goal = {"paid to ready": MOST_SECONDS, "our own overhead": MOST_OVERHEAD_SECONDS}.get(name)
        figures.append(row(f"{name}, median of {SIGNUPS}", statistics.median(run[name] for run in runs), "s", goal))
    return figures


async def main() -> int:
    """Print the table and write build/bench/shop.json."""
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder:
        async with Shop.open(Path(folder), default_options(ROOT, os.environ)) as shop:
            figures = await measure(shop)
    target = ROOT / "build/bench/shop.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(figures, indent=2) + "\n")
    for figure in figures:
        goal = "" if figure["goal"] is None else f"goal <= {figure['goal']} {'met' if figure['ok'] else 'MISSED'}"
        print(f"  {figure['name']:<44}{figure['value']:>9} {figure['unit']:<4} {goal}")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
