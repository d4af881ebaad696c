"""What so many customers need: writes the tables of docs/operations/capacity.md between its marks.

``python tools/capacity_model.py PAGE``. Each figure below says where it is from: measured by a benchmark of ours, a
default of a setting of ours, somebody's documentation, or assumed.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CUSTOMERS = (100, 1_000, 10_000, 100_000, 1_000_000)
BEGIN, END = "<!-- written by tools/capacity_model.py -->", "<!-- end -->"

# Measured (docs/benchmarks.md).
_GRID_MIB = 1.38  # a shared grid in a shard, a tenth of them in use
_GRID_CALLS = 12  # of AWS while a shared grid is made
_PROBE_SECONDS = 2.0  # of one processor for a real client's round trip
_EVENT_BYTES = 2_500  # of all tables and indexes for one event, outbox, inbox and support's copy together; assumed
# Settings' defaults (docs/reference/settings.md), in seconds.
_PROBE_EVERY, _GRID_LOOK_EVERY, _HOST_LOOK_EVERY = 6 * 3600, 300, 20
_SESSION, _STRIPE_CALLS_A_SECOND = 3600, 20
# Documented.
_BUCKETS_AT_FIRST = 10_000  # "General purpose bucket quotas", Amazon S3 User Guide; an account may ask for more
_RECORDS_AT_FIRST = 10_000  # "Quotas", Route 53 Developer Guide, records of a hosted zone
_STS_A_SECOND = 600  # "IAM and AWS STS quotas", for each account and region
_NETWORK_PORTS = 22_768  # S4_GRID_PORTS, two for each grid on one host
# Assumed.
_SHARED_HOST_MIB, _SHARED_HOST_VCPU = 7_000, 2  # t4g.large: 8 GiB less the system's
_GRIDS_ON_HOST = 2_000  # less than memory allows: what one lost host takes with it
_DEDICATED_VCPU = 2  # t4g.small
_EVENTS_A_MONTH = 155  # a proof every six hours, usage daily, the renewal and letters
_LETTERS_A_MONTH = 1.5
_GIB_STORED = 50
_PRICES = {"t4g.large": 49.06, "t4g.small": 12.26, "address": 3.65, "disk": 1.28, "GiB": 0.023, "record": 0.0015}
_PROCESSOR_HOUR = 0.02
_STRIPE_EVENTS_A_MONTH = 8  # of a subscription that is renewed


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    name: str
    value: Callable[[int], str]


def shared_hosts(customers: int) -> int:
    """Hosts for so many shared grids: by memory, by ports and by what one may take with it; two at least."""
    fit = min(_SHARED_HOST_MIB / _GRID_MIB, _NETWORK_PORTS / 2, _GRIDS_ON_HOST)
    return max(2, math.ceil(customers / fit))


def number(value: float) -> str:
    """For a person: thousands apart, small ones with a decimal."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _shared_month(customers: int) -> float:
    hosts = shared_hosts(customers) * (_PRICES["t4g.large"] + _PRICES["address"] + _PRICES["disk"])
    records = max(0, customers - _RECORDS_AT_FIRST) * _PRICES["record"]
    return (hosts + records) / customers


def _dedicated_month(customers: int) -> float:
    records = max(0, customers - _RECORDS_AT_FIRST) * _PRICES["record"] / customers
    return _PRICES["t4g.small"] + _PRICES["address"] + _PRICES["disk"] + records


NEEDS = (
    Row(
        "shared: hosts (vCPUs)", lambda n: f"{number(shared_hosts(n))} ({number(shared_hosts(n) * _SHARED_HOST_VCPU)})"
    ),
    Row("dedicated: hosts (vCPUs)", lambda n: f"{number(n)} ({number(n * _DEDICATED_VCPU)})"),
    Row("buckets; accounts with the first quota", lambda n: f"{number(n)}; {math.ceil(n / _BUCKETS_AT_FIRST)}"),
    Row("zones with the first quota of records", lambda n: str(math.ceil(n / _RECORDS_AT_FIRST))),
    Row("sessions lent, a second", lambda n: number(2 * n / _SESSION)),
    Row("the same, as a part of what STS allows a region", lambda n: f"{2 * n / _SESSION / _STS_A_SECOND:.1%}"),
    Row("greetings of grids, a second", lambda n: number(n / _GRID_LOOK_EVERY)),
    Row("greetings of dedicated hosts, a second", lambda n: number(n / _HOST_LOOK_EVERY)),
    Row("processors that prove grids all the time", lambda n: number(n * _PROBE_SECONDS / _PROBE_EVERY)),
    Row("events, a second", lambda n: number(n * _EVENTS_A_MONTH / 2_628_000)),
    Row("events kept for 400 days", lambda n: f"{number(n * _EVENTS_A_MONTH * 13.2 * _EVENT_BYTES / 2**30)} GiB"),
    Row("deliveries of Stripe, a second", lambda n: number(n * _STRIPE_EVENTS_A_MONTH / 2_628_000)),
    Row("the nightly comparison with Stripe", lambda n: f"{number(n / 100 / _STRIPE_CALLS_A_SECOND)} s"),
    Row("letters, a day", lambda n: number(n * _LETTERS_A_MONTH / 30.4)),
    Row("calls of AWS to make as many again in a day, a second", lambda n: number(n * _GRID_CALLS / 86_400)),
)
COSTS = (
    Row("shared: host, address, disk, DNS", lambda n: f"${_shared_month(n):.3f}"),
    Row("dedicated: host, address, disk, DNS", lambda n: f"${_dedicated_month(n):.2f}"),
    Row(f"{_GIB_STORED} GiB stored", lambda _n: f"${_GIB_STORED * _PRICES['GiB']:.2f}"),
    Row("proving it", lambda _n: f"${_PROBE_SECONDS / _PROBE_EVERY * 730 * _PROCESSOR_HOUR:.4f}"),
)


def table(first: str, rows: tuple[Row, ...]) -> str:
    """The rows, in Markdown."""
    head = f"| {first} | {' | '.join(number(n) for n in CUSTOMERS)} |"
    lines = [f"| {row.name} | {' | '.join(row.value(n) for n in CUSTOMERS)} |" for row in rows]
    return "\n".join([head, f"|---|{'---|' * len(CUSTOMERS)}", *lines])


def written(page: str) -> str:
    """The page with its tables as they are now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    tables = f"{table('customers', NEEDS)}\n\nA customer's part of a month's bill:\n\n{table('customers', COSTS)}"
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")
