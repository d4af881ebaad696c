"""What is asked of a real Prometheus, and what is made of its answers."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from s4_ops.deploy.funnel import Prometheus, Seen, regressions, summary
from s4_runtime import Temporary
from s4_shop.ports import free_port
from support.infra import needs_program
from support.registries import installed
from support.waiting import until


class Exporter:
    """Counters as a service shows them."""

    def __init__(self) -> None:
        self.text = ""
        owner = self

        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(owner.text.encode())

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    made = Exporter()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def prometheus(exporter: Exporter, tmp_path: Path) -> Iterator[Prometheus]:
    """One that looks at the exporter each half second, as at a pod of s4-staging."""
    target = {"targets": [f"127.0.0.1:{exporter.server.server_port}"], "labels": {"namespace": "s4-staging"}}
    wanted = {"global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"}}
    (tmp_path / "prometheus.yml").write_text(
        yaml.safe_dump({**wanted, "scrape_configs": [{"job_name": "pods", "static_configs": [target]}]})
    )
    place = f"127.0.0.1:{free_port()}"
    with needs_program():
        words = [installed("prometheus"), f"--config.file={tmp_path}/prometheus.yml", f"--web.listen-address={place}"]
    process = subprocess.Popen(
        [*words, f"--storage.tsdb.path={tmp_path}/data"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    yield Prometheus.at(f"http://{place}", "s4-staging")
    process.terminate()
    process.wait(20)


_COUNTERS = """s4_http_requests_total{{listener="http",status="2xx"}} {fine}
s4_http_requests_total{{listener="operator",status="5xx"}} 999
s4_funnel_total{{step="paid"}} {paid}
s4_funnel_total{{step="furl-issued"}} {furls}
"""


@pytest.mark.long
async def test_counts_are_those_of_the_span_and_first_counts_are_among_them(
    exporter: Exporter, prometheus: Prometheus
) -> None:
    exporter.text = _COUNTERS.format(fine=1000, paid=7, furls=7)
    span = timedelta(seconds=4)

    def seen() -> Seen:
        return prometheus.seen(datetime.now(UTC), span)

    def is_quiet() -> bool:
        try:
            return prometheus.is_there(datetime.now(UTC)) and seen() == Seen()
        except Temporary:
            return False

    await until(is_quiet, within=60, what="the counters are known, and old", pause=0.2)

    exporter.text = _COUNTERS.format(fine=1100, paid=9, furls=8)
    exporter.text += 's4_http_requests_total{listener="http",status="5xx"} 6\n'

    def noticed() -> Seen | None:
        found = seen()
        return found if found.broken >= 5 and found.furls > 0.5 else None

    found = await until(noticed, within=20, what="the new counts are seen", pause=0.2)
    assert 5 <= found.broken < 20
    assert found.requests > 50


WELL = Seen(requests=1000, broken=1, parked=0, failed_grids=0, due=20, furls=20)


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (Seen(requests=1000, broken=50, due=20, furls=20), "5.0% of 1000 requests failed"),
        (Seen(requests=1000, parked=1, due=20, furls=20), "1 events were parked"),
        (Seen(requests=1000, failed_grids=2, due=20, furls=20), "2 grids failed"),
        (Seen(requests=1000, due=20, furls=3), "20 paid and 3 got a furl"),
    ],
)
def test_customers_who_fare_worse_are_noticed(after: Seen, words: str) -> None:
    assert words in "; ".join(regressions(WELL, after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (WELL, WELL),
        (Seen(), Seen()),
        (WELL, Seen(requests=100, broken=4)),
        (WELL, Seen(requests=10_000, broken=60, due=20, furls=19)),
        (Seen(requests=100, broken=20, due=9, furls=2), Seen(requests=100, broken=30, due=9, furls=2)),
        (Seen(), Seen(requests=5, due=2, furls=0)),
    ],
)
def test_chance_and_what_was_so_before_bring_nothing_back(before: Seen, after: Seen) -> None:
    assert regressions(before, after) == []


def test_nobody_who_buys_is_said_loudly() -> None:
    assert "NOBODY BOUGHT" in summary(Seen(requests=10))
    assert "NOBODY" not in summary(WELL)
