"""The numbers of a serving process: what Prometheus reads after this and that has happened."""

import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from s4_node.metrics import MOST_OUTCOMES, Metrics

Labels = frozenset[tuple[str, str]]


def values(metrics: Metrics, name: str) -> dict[Labels, float]:
    return {
        frozenset(sample.labels.items()): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
        if sample.name == name
    }


def labels(**named: str) -> Labels:
    return frozenset(named.items())


def test_each_attempt_is_counted_by_operation_and_outcome_with_its_bytes() -> None:
    metrics = Metrics()
    put = metrics.bucket("g1")
    put("put", "SlowDown", 0.2, 100, 0)
    put("put", "ok", 0.1, 100, 0)
    metrics.bucket("g2")("get", "ok", 0.3, 0, 7)

    assert values(metrics, "s4_node_s3_requests_total") == {
        labels(operation="put", outcome="SlowDown"): 1.0,
        labels(operation="put", outcome="ok"): 1.0,
        labels(operation="get", outcome="ok"): 1.0,
    }
    assert values(metrics, "s4_node_s3_sent_bytes_total")[labels(operation="put")] == 200.0
    assert values(metrics, "s4_node_s3_received_bytes_total")[labels(operation="get")] == 7.0


def test_the_time_of_each_attempt_falls_into_its_bucket() -> None:
    metrics = Metrics()
    for seconds in (0.004, 0.2, 20.0):
        metrics.bucket("g1")("get", "ok", seconds, 0, 0)
    metrics.waited(0.05)

    buckets = values(metrics, "s4_node_s3_request_seconds_bucket")
    assert [buckets[labels(operation="get", le=le)] for le in ("0.005", "0.1", "0.25", "15.0", "45.0")] == [
        1,
        1,
        2,
        2,
        3,
    ]
    assert values(metrics, "s4_node_s3_request_seconds_sum") == {labels(operation="get"): pytest.approx(20.204)}
    assert values(metrics, "s4_node_queue_seconds_sum") == {labels(): pytest.approx(0.05)}


def test_a_meter_knows_when_its_bucket_last_did_what_it_was_asked() -> None:
    meter = Metrics().bucket("g1")
    assert meter.succeeded_at is None
    meter("get", "AccessDenied", 0.1, 0, 0)
    assert meter.succeeded_at is None
    meter("get", "ok", 0.1, 0, 0)
    assert meter.succeeded_at is not None


def test_readings_of_several_grids_are_summed_unless_each_is_wanted() -> None:
    for per_grid, expected in (
        (False, {labels(): 5.0}),
        (True, {labels(grid="g1"): 2.0, labels(grid="g2"): 3.0}),
    ):
        metrics = Metrics(per_grid=per_grid)
        metrics.watch("g1", lambda: {"uploads": 2, "spool_bytes": 10})
        metrics.watch("g2", lambda: {"uploads": 3})
        metrics.watch("", lambda: {"cache_hits": 4})
        assert values(metrics, "s4_node_uploads") == expected
        assert sum(values(metrics, "s4_node_spool_bytes").values()) == 10
        assert sum(values(metrics, "s4_node_cache_hits_total").values()) == 4


def test_readings_are_taken_when_somebody_looks() -> None:
    metrics, uploads = Metrics(), [1]
    metrics.watch("g1", lambda: {"uploads": uploads[0]})
    assert values(metrics, "s4_node_uploads") == {labels(): 1.0}
    uploads[0] = 8
    assert values(metrics, "s4_node_uploads") == {labels(): 8.0}


def test_what_nobody_can_read_is_not_shown() -> None:
    assert values(Metrics(), "s4_node_cache_bytes") == {}


def test_grids_are_counted_by_how_they_are() -> None:
    metrics = Metrics()
    metrics.states = lambda: {"serving": 49, "failed": 1}
    assert values(metrics, "s4_node_grids") == {labels(state="serving"): 49.0, labels(state="failed"): 1.0}


def test_a_grid_that_is_gone_leaves_no_series_of_its_own_and_takes_nobody_elses() -> None:
    metrics = Metrics(per_grid=True)
    for grid in ("g1", "g2"):
        metrics.bucket(grid)("put", "ok", 0.1, 10, 0)
        metrics.bucket(grid)("get", "NoSuchKey", 0.1, 0, 0)
        metrics.watch(grid, lambda: {"uploads": 1})

    metrics.forget("g1")
    metrics.forget("never-there")

    assert b'grid="g1"' not in metrics.text()
    assert values(metrics, "s4_node_s3_requests_total") == {
        labels(grid="g2", operation="put", outcome="ok"): 1.0,
        labels(grid="g2", operation="get", outcome="NoSuchKey"): 1.0,
    }


def test_what_all_grids_sent_does_not_fall_when_one_of_them_goes() -> None:
    metrics = Metrics()
    metrics.bucket("g1")("put", "ok", 0.1, 10, 0)
    metrics.forget("g1")
    assert values(metrics, "s4_node_s3_sent_bytes_total") == {labels(operation="put"): 10.0}


def test_a_store_that_invents_codes_fills_no_memory() -> None:
    metrics = Metrics()
    for number in range(MOST_OUTCOMES + 50):
        metrics.bucket("g1")("get", f"Code{number}", 0.1, 0, 0)
    counted = values(metrics, "s4_node_s3_requests_total")
    assert len(counted) == MOST_OUTCOMES + 1
    assert counted[labels(operation="get", outcome="other")] == 50.0


def test_nothing_is_lost_when_many_threads_count() -> None:
    metrics = Metrics()

    def work() -> None:
        meter = metrics.bucket("g1")
        for _ in range(500):
            meter("get", "ok", 0.001, 1, 2)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(values(metrics, "s4_node_s3_requests_total").values()) == 4000
    assert sum(values(metrics, "s4_node_s3_received_bytes_total").values()) == 8000


def test_the_process_itself_is_measured() -> None:
    assert sum(values(Metrics(), "process_resident_memory_bytes").values()) > 2**20
