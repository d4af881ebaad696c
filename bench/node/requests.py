"""How many requests S3 is asked for, by operation, and what they cost a customer in a month."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from bench.node import prices
from bench.node.bench_of import KIB, MIB, Bench, Row, Table
from bench.node.s3_double import FREE, READS
from bench.node.web import WebClient

LARGE, SMALL, FEW = 100 * MIB, 10 * KIB, 20


@dataclass(frozen=True)
class Counted:
    """What S3 was asked for, for doing something so many times."""

    sums: Counter[str]
    times: int

    @property
    def dollars(self) -> float:
        """For each time."""
        reads = sum(number for operation, number in self.sums.items() if operation in READS)
        writes = sum(number for operation, number in self.sums.items() if operation not in READS | FREE)
        return (writes * prices.PER_1000_WRITES + reads * prices.PER_1000_READS) / 1000 / self.times

    def row(self, name: str) -> Row:
        each = ", ".join(f"{number / self.times:.3g} {operation}" for operation, number in self.sums.most_common())
        note = f"{each}; ${1000 * self.dollars:.4f} for 1000"
        return Row(name, self.sums.total() / self.times, "requests", note=note)


def measure(bench: Bench) -> list[Table]:
    client, meter = bench.ours(bench.protocols[0]).client, bench.load()
    counted: dict[str, Counted] = {}
    for name, times in _steps(client):
        counted[name] = Counted(bench.s3.counts(), times)
        bench.s3.forget_counts()
    del counted["prepare"]
    rows = [one.row(name) for name, one in counted.items()]
    return [
        Table("requests to S3 for each", rows, meter.reading()),
        Table("a customer's month at S3", _month(counted), meter.reading()),
    ]


def _steps(client: WebClient) -> Iterator[tuple[str, int]]:
    """What was done since the step before, and how many times."""
    large, small, linked = os.urandom(LARGE), *([os.urandom(SMALL) for _ in range(FEW)] for _ in "12")
    mutable, directory = client.put_mutable(b"before"), client.make_directory()
    yield "prepare", 1
    large_cap = client.put(large)
    yield "put 100 MiB", 1
    client.get(large_cap, large)
    yield "get 100 MiB", 1
    caps = [client.put(content) for content in small]
    yield "put 10 KiB", FEW
    for cap, content in zip(caps, small, strict=True):
        client.get(cap, content)
    yield "get 10 KiB", FEW
    for content in small:
        client.put(content)
    yield "put 10 KiB again", FEW
    for content in small:
        client.overwrite(mutable, content)
    yield "overwrite a mutable file", FEW
    for _ in small:
        client.get(mutable, small[-1])
    yield "read a mutable file", FEW
    for number, content in enumerate(linked):
        client.link(directory, str(number), content)
    yield "put 10 KiB into a directory", FEW


def _month(counted: dict[str, Counted]) -> list[Row]:
    customer = prices.Customer()
    times = {
        "put 100 MiB": customer.large_put_bytes / LARGE,
        "get 100 MiB": customer.large_got_bytes / LARGE,
        "put 10 KiB": customer.small_files_put,
        "get 10 KiB": customer.small_files_got,
        "overwrite a mutable file": customer.mutable_updates,
        "read a mutable file": customer.mutable_reads,
    }
    rows = [Row(f"{name}, {number:,.0f} times", number * counted[name].dollars, "$") for name, number in times.items()]
    stored = customer.stored_bytes / prices.GB
    return [
        *rows,
        Row("requests in all", sum(row.value for row in rows), "$"),
        Row(f"{stored:.0f} GB stored", stored * prices.PER_GB_MONTH, "$"),
    ]
