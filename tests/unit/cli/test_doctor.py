"""What the doctor makes of what services say about themselves: pure, from metrics' own text."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from s4_cli.doctor.certificates import Certificate, of_certificate
from s4_cli.doctor.certificates import look as see
from s4_cli.doctor.finding import OWN_PAGE, Finding, Report, shown, sort
from s4_cli.doctor.looking import Look
from s4_cli.doctor.metrics import read
from s4_cli.doctor.queues import of_queues
from s4_cli.doctor.services import of_all
from s4_cli.doctor.shop import of_disk, of_shop
from s4_runtime.certificates import Before
from support.certificates import Authority
from support.encrypting import showing

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[3]
GIB = 1024**3


def look(service: str = "web", metrics: str = "", **more: object) -> Look:
    known: dict[str, object] = {"answers": True, "parts": {"database": True}, "its_time": NOW, **more}
    return Look(service=service, url="http://s", at=NOW, samples=read(metrics), **known)  # type: ignore[arg-type]  # a test's fields


def runbooks(*looks: Look, deployment: str = "") -> list[str]:
    return [one.runbook for one in of_all(looks, deployment)]


def test_metrics_are_read_with_their_labels_and_nonsense_is_left_out() -> None:
    text = '# HELP a b\na{x="1,\\"2",y="z"} 3 1700000000\nb 4.5\nc{} NaN?\nd +Inf\nnonsense\n'
    found = read(text)
    assert [(one.name, one.labels, one.value) for one in found] == [
        ("a", {"x": '1,\\"2', "y": "z"}, 3.0),
        ("b", {}, 4.5),
        ("d", {}, float("inf")),
    ]


def test_a_service_that_is_well_has_no_findings() -> None:
    fresh = NOW.timestamp() - 30
    metrics = f"""
s4_loop_last_success_timestamp_seconds{{loop="relay"}} {fresh}
s4_outbox_oldest_seconds{{service="web"}} 1
s4_bus_queue_messages{{service="web",queue="s4.web.parked"}} 0
provisioner_breaker_open{{region="eu"}} 0
billing_webhook_deliveries_total{{outcome="stored"}} 7
s4_service_info{{deployment="staging",revision="abc"}} 1
"""
    assert runbooks(look(metrics=metrics), deployment="staging") == []


@pytest.mark.parametrize(
    ("metrics", "runbook"),
    [
        ('s4_outbox_oldest_seconds{service="web"} 400', "outbox-waits"),
        ('s4_bus_queue_oldest_seconds{service="web",queue="s4.web"} 900', "events-wait"),
        ('s4_bus_queue_messages{service="web",queue="s4.web.parked"} 2', "events-parked"),
        ("notifier_oldest_owed_seconds 4000", "letter-waits"),
        ('provisioner_breaker_open{region="eu"} 1', "breaker-open"),
        ('billing_webhook_deliveries_total{outcome="refused"} 3', "webhook-refused"),
        ('billing_drift_found_total{kind="missed"} 1', "webhook-refused"),
        (f's4_loop_last_success_timestamp_seconds{{loop="x"}} {NOW.timestamp() - 3600}', "loop-stalled"),
    ],
)
def test_what_a_service_counts_is_understood(metrics: str, runbook: str) -> None:
    assert runbooks(look(metrics=metrics)) == [runbook]


@pytest.mark.parametrize(
    ("part", "code", "runbook"),
    [
        ("database", "database-missing", "database-down"),
        ("database", "database-full", "disk-full"),
        ("database", "database-certificate-expired", "certificate-expiring"),
        ("relay", "bus-blocked", "disk-full"),
        ("consumer", "bus-certificate-expired", "certificate-expiring"),
        ("mail", "mail-server-certificate-expired", "certificate-expiring"),
        ("mail", "mail-server-refuses-us", "letter-waits"),
    ],
)
def test_what_a_service_says_that_it_cannot_do_is_explained_once(part: str, code: str, runbook: str) -> None:
    told = f's4_outage{{part="{part}",code="{code}"}} 1\ns4_outage{{part="other",code="{code}"}} 1'
    (found,) = of_all([look(metrics=told)], "")
    assert (found.severity, found.runbook, code in found.what) == ("critical", runbook, True)


def test_an_outage_that_nobody_can_explain_is_left_to_what_it_brings_about() -> None:
    assert runbooks(look(metrics='s4_outage{part="database",code="database-unavailable"} 1')) == []


@pytest.mark.parametrize("before", ["nothing", "postgresql", "smtp"])
async def test_certificates_are_seen_behind_what_is_spoken_before_tls(before: Before, tmp_path: Path) -> None:
    scheme = {"nothing": "amqps"}.get(before, before)
    async with showing(Authority(tmp_path).certificate(until=timedelta(days=-1)), before) as port:
        seen = await see(f"{scheme}://localhost:{port}")
    (found,) = of_certificate(seen, datetime.now(UTC))
    assert (found.severity, found.about, "ended at" in found.what) == ("critical", f"{scheme}://localhost:{port}", True)


def test_a_loop_that_looks_rarely_is_not_late_after_an_hour() -> None:
    assert (
        runbooks(look(metrics=f's4_loop_last_success_timestamp_seconds{{loop="sweep"}} {NOW.timestamp() - 3600}')) == []
    )


def test_what_is_not_ready_is_named_and_what_does_not_answer_too() -> None:
    parts = {"database": False, "consumer": False, "relay": False, "other": False}
    assert runbooks(look(parts=parts)) == ["bus-disconnected", "database-down", "target-down", "bus-disconnected"]
    assert runbooks(look(answers=False)) == ["target-down"]


def test_a_clock_that_is_wrong_is_told_by_its_answers() -> None:
    assert runbooks(look(its_time=NOW - timedelta(seconds=90))) == ["clock-skew"]
    assert runbooks(look(its_time=NOW - timedelta(seconds=2))) == []
    assert runbooks(look(its_time=None)) == []


def test_services_of_several_releases_or_installations_are_said() -> None:
    info = 's4_service_info{{deployment="{}",revision="{}"}} 1'
    web, billing = look("web", info.format("staging", "a")), look("billing", info.format("staging", "b"))
    assert runbooks(web, billing) == ["version-skew"]
    (found,) = of_all([web], "production")
    assert (found.severity, "web staging" in found.what) == ("critical", True)


def test_queues_without_readers_or_that_are_not_there_are_critical() -> None:
    rows: list[Mapping[str, Any]] = [
        {"service": "web", "waiting": 3, "consumers": 0, "parked": 2},
        {"service": "billing", "waiting": None, "consumers": None, "parked": None},
        {"service": "support", "waiting": 9, "consumers": 1, "parked": 0},
    ]
    found = [(one.about, one.severity, one.runbook) for one in of_queues(rows)]
    assert found == [
        ("web", "critical", "target-down"),
        ("web", "warning", "events-parked"),
        ("billing", "critical", "bus-disconnected"),
    ]


@pytest.mark.parametrize(
    ("left", "severities"),
    [(timedelta(days=60), []), (timedelta(days=10), ["warning"]), (timedelta(days=1), ["critical"]),
     (timedelta(days=-1), ["critical"])],
)  # fmt: skip
def test_a_certificate_is_a_warning_before_it_is_an_outage(left: timedelta, severities: list[str]) -> None:
    assert [one.severity for one in of_certificate(Certificate("https://s", NOW + left), NOW)] == severities


def test_a_port_without_a_certificate_is_said() -> None:
    assert [one.severity for one in of_certificate(Certificate("https://s", None), NOW)] == ["critical"]


def test_little_space_is_a_warning_and_none_is_critical() -> None:
    assert [[one.severity for one in of_disk(free, "/x")] for free in (9 * GIB, GIB, 1)] == [
        [],
        ["warning"],
        ["critical"],
    ]


def test_a_part_of_the_shop_that_failed_says_its_last_words_without_secrets(tmp_path: Path) -> None:
    status = """{
 "web": {"state": "ready", "exits": []},
 "billing": {"state": "failed", "exits": [{"at": 1, "code": 78, "lines": "x\\nbad sk_test_0123456789abcdef"}]},
 "support": {"state": "waiting", "exits": [{"at": 1, "code": 78, "lines": "support: database-not-migrated missing=3"}]}
}"""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "status.json").write_text(status)
    found = {one.about: one for one in of_shop(tmp_path) if one.about != "disk"}
    assert set(found) == {"billing", "support"}
    assert "sk_test" not in found["billing"].what
    assert (found["support"].runbook, found["support"].do) == ("migrations-missing", "python -m s4_support migrate")


def test_the_worst_comes_first_and_decides_the_exit_status() -> None:
    found = list(of_all([look("web", "notifier_oldest_owed_seconds 4000"), look("a", its_time=NOW - timedelta(1))], ""))
    report = Report(deployment="staging", looked_at=["web"], not_looked_at=["queues"], findings=sort(found))
    assert [one.severity for one in report.findings] == ["critical", "warning"]
    assert report.status == 2
    assert Report(deployment="", looked_at=[], not_looked_at=[], findings=[]).status == 0
    text = shown(report)
    assert "1 critical, 1 warnings" in text
    assert "not looked at: queues" in text


def every_finding() -> list[Finding]:
    metrics = """
s4_outbox_oldest_seconds{service="web"} 400
s4_bus_queue_oldest_seconds{service="web",queue="s4.web"} 900
s4_bus_queue_messages{service="web",queue="s4.web.parked"} 2
notifier_oldest_owed_seconds 4000
provisioner_breaker_open{region="eu"} 1
billing_drift_found_total{kind="missed"} 1
s4_loop_last_success_timestamp_seconds{loop="x"} 1
s4_service_info{deployment="staging",revision="abc"} 1
"""
    parts = {"database": False, "consumer": False}
    looks = [look(metrics=metrics, parts=parts, its_time=NOW - timedelta(1)), look("billing", answers=False)]
    row = {"service": "web", "waiting": None, "consumers": None, "parked": None}
    certificate = of_certificate(Certificate("https://s", None), NOW)
    return [*of_all(looks, "production"), *of_queues([row]), *certificate, *of_disk(1, "/x")]


def test_every_finding_names_a_page_that_is_there() -> None:
    found = every_finding()
    assert len({one.runbook for one in found}) >= 12
    own = (ROOT / OWN_PAGE).read_text()
    for one in found:
        file, _, anchor = one.page.partition("#")
        assert (ROOT / file).is_file(), one.page
        assert not anchor or f"## {anchor}" in own, one.page
