"""Beside the stock disk backend on a bucket that is mounted by s3fs or rclone, where that can be done."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from bench.node.bench_of import MIB, Bench, Row, Table
from bench.node.grids import Grid, stock_grid
from bench.node.processes import until
from bench.node.s3_double import BUCKET
from bench.node.web import WebClient

SIZE = 4 * MIB
MOST_SECONDS = 60.0
PACKAGES = {"s3fs": "s3fs", "rclone": "rclone", "fusermount3": "fuse3"}


def measure(bench: Bench) -> list[Table]:
    meter, name = (
        bench.load(),
        "one file of 4 MiB over HTTPS, S3 answers after 5 ms; mounts under the stock disk backend",
    )
    if not bench.with_mounts:
        return [Table(name, [Row("not measured: ask for it with --mounts", 0, "")], meter.reading())]
    if not Path("/dev/fuse").exists() or not installed():
        return [Table(name, [Row("not measured: there is no FUSE here", 0, "")], meter.reading())]
    bench.s3.latency(5)
    rows = _rows("ours, no mount", bench.ours("gbs"))
    for program, command in (("s3fs", s3fs), ("rclone, written back at once", rclone)):
        folder = bench.processes.folder / f"mount-{program.split(',')[0]}"
        folder.mkdir()
        with _mounted(bench, program, command(bench, folder), folder):
            grid = stock_grid(bench.processes, "gbs", storage_dir=folder / "storage")
            rows += _rows(program, grid)
            bench.processes.stop(*reversed(grid.processes))
    bench.s3.latency(0)
    return [Table(name, rows, meter.reading())]


def installed() -> bool:
    """Whether the programs are there now; Debian has them."""
    missing = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    if missing:
        command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
        subprocess.run(command, check=False, capture_output=True, timeout=300)  # noqa: S603  that is the order
    return all(shutil.which(program) for program in PACKAGES)


def s3fs(bench: Bench, folder: Path) -> list[str]:
    keys = bench.processes.folder / "s3fs-keys"
    keys.touch(mode=0o600)
    keys.write_text(":".join(bench.s3.keys.values()) + "\n")
    options = {"url": bench.s3.endpoint, "passwd_file": str(keys), "endpoint": bench.s3.region}
    flags = [word for name, text in options.items() for word in ("-o", f"{name}={text}")]
    return ["s3fs", BUCKET, str(folder), "-f", *flags, "-o", "use_path_request_style", "-o", "listobjectsv2"]


def rclone(bench: Bench, folder: Path) -> list[str]:
    config = bench.processes.folder / "rclone.conf"
    config.touch(mode=0o600)
    key, secret = bench.s3.keys.values()
    lines = {
        "type": "s3",
        "provider": "Other",
        "list_version": "2",
        "endpoint": bench.s3.endpoint,
        "region": bench.s3.region,
    }
    lines |= {"access_key_id": key, "secret_access_key": secret}
    config.write_text("[s3]\n" + "".join(f"{name} = {text}\n" for name, text in lines.items()))
    caching = ["--vfs-cache-mode", "writes", "--vfs-write-back", "0s", "--cache-dir", str(config.with_name("rclone"))]
    mount = ["rclone", "mount", f"s3:{BUCKET}", str(folder), "--config", str(config)]
    return ["env", "-u", "AWS_CA_BUNDLE", *mount, *caching]


@contextmanager
def _mounted(bench: Bench, program: str, command: list[str], folder: Path) -> Iterator[None]:
    process = bench.processes.start(program.split(",", maxsplit=1)[0], command)
    try:
        until(lambda: os.path.ismount(folder) or process.process.poll() is not None, f"{program} has mounted")
        process.require_alive()
        yield
    finally:
        subprocess.run(["fusermount3", "-u", "-z", str(folder)], check=False, capture_output=True)  # noqa: S603, S607
        bench.processes.stop(process)


def _rows(name: str, grid: Grid) -> list[Row]:
    content, caps, rows = os.urandom(SIZE), list[str](), []
    client: WebClient = grid.client
    steps: dict[str, Callable[[], object]] = {
        "put": lambda: caps.append(client.put(content)),
        "get": lambda: client.get(caps[0], content),
    }
    for what, work in steps.items():
        if what == "put" or caps:
            outcome = _within(MOST_SECONDS, work)
            rate, note = (SIZE / MIB / outcome, "") if isinstance(outcome, float) else (0.0, outcome)
            rows.append(Row(f"{name}: {what}", rate, "MiB/s", note=note))
    return rows


def _within(seconds: float, work: Callable[[], object]) -> float | str:
    """How long it took, or why it came to nothing. What goes on ends with its client."""
    outcome: list[float | str] = []
    began = time.perf_counter()

    def timed() -> None:
        try:
            work()
        except (OSError, HTTPException, SystemExit) as failed:
            outcome.append(f"failed after {time.perf_counter() - began:.0f} s: {str(failed)[:200]}")
        else:
            outcome.append(time.perf_counter() - began)

    thread = threading.Thread(target=timed, daemon=True)
    thread.start()
    thread.join(seconds)
    return outcome[0] if outcome else f"not finished within {seconds:.0f} s"
