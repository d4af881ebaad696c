"""Grafana dashboards of what our metrics tell: ``python tools/dashboards.py [REPOSITORY]``."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

ROOT = Path(__file__).parents[1]
FOLDER = "k8s/observability/dashboards"
SCHEMA = 38  # of Grafana 10, which reads it as later ones do
SOURCE = {"type": "prometheus", "uid": "prometheus"}


class Panel(msgspec.Struct, frozen=True):
    """A picture: expressions with their legends, and how numbers are written."""

    title: str
    queries: dict[str, str]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8


class Row(msgspec.Struct, frozen=True):
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


def p95(metric: str, *by: str, of: str = "") -> str:
    """What nineteen of twenty do not exceed."""
    return f"histogram_quantile(0.95, sum by ({', '.join((*by, 'le'))}) (rate({metric}_bucket{of}[5m])))"


def rate(metric: str, *by: str, of: str = "") -> str:
    """How many a second."""
    return f"sum by ({', '.join(by)}) (rate({metric}{of}[5m]))"


def grown(metric: str, *by: str, of: str = "") -> str:
    """How many within an hour."""
    return f"sum by ({', '.join(by)}) (increase({metric}{of}[1h]))"


def overview() -> tuple[Row, ...]:
    """Whether customers get what they are promised."""
    slos = sibling("observability").slos()
    steps = {"{{step}}": "sort_desc(s4:funnel:increase1d)"}
    left = {slo.name: f'1 - s4:slo_errors:ratio_rate3d{{slo="{slo.name}"}} / {slo.budget}' for slo in slos}
    errors = {slo.name: f's4:slo_errors:ratio_rate1h{{slo="{slo.name}"}}' for slo in slos}
    return (
        Row(
            "Customers",
            (
                Panel("The way of a day's customers", steps, kind="bargauge"),
                Panel("From paid to furl, p95 of an hour", {"{{host}}": "s4:paid_to_furl_seconds:p95_1h"}, "s"),
                Panel(
                    "The longest that somebody waits for a furl",
                    {"seconds": "max(provisioner_oldest_unfinished_seconds)"},
                    "s",
                ),
            ),
        ),
        Row(
            "Promises",
            (
                Panel("Broken, of the last hour", errors, "percentunit", width=12),
                Panel("Left of the budget, as spent in three days", left, "percentunit", width=12),
            ),
        ),
        Row(
            "Now",
            (
                Panel("Alerts", {"{{alertname}}": 'sum by (alertname) (ALERTS{alertstate="firing"})'}, kind="stat"),
                Panel("Grids that cannot be used", {"grids": "max(provisioner_grids_failing)"}, kind="stat"),
                Panel("Processes up", {"{{job}}": "sum by (job) (up)"}, kind="stat"),
            ),
        ),
    )


def services() -> tuple[Row, ...]:
    """Rate, errors and duration of listeners; use, saturation and errors of processes."""
    asked = '{listener!="probes"}'
    failed = '{listener!="probes",status="5xx"}'
    return (
        Row(
            "Requests",
            (
                Panel("Requests a second", {"{{job}} {{listener}}": rate("s4_http_requests_total", "job", "listener")}),
                Panel(
                    "Errors by route", {"{{job}} {{route}}": rate("s4_http_requests_total", "job", "route", of=failed)}
                ),
                Panel("p95", {"{{job}}": p95("s4_http_request_seconds", "job", of=asked)}, "s"),
                Panel("The site's slowest pages, p95", {"{{route}}": site_pages()}, "s"),
                Panel("Under way", {"{{job}}": "sum by (job) (s4_http_in_flight)"}),
                Panel("Live streams", {"{{instance}}": "web_streams"}),
            ),
        ),
        Row(
            "Processes",
            (
                Panel("Processor", {"{{instance}}": "rate(process_cpu_seconds_total[5m])"}),
                Panel("Memory", {"{{instance}}": "process_resident_memory_bytes"}, "bytes"),
                Panel("Event loop is late, p95", {"{{job}}": p95("s4_event_loop_lag_seconds", "job")}, "s"),
                Panel("Files open", {"{{instance}}": "process_open_fds / process_max_fds"}, "percentunit"),
                Panel("Starts within an hour", {"{{instance}}": "changes(process_start_time_seconds[1h])"}),
            ),
        ),
        Row(
            "Database",
            (
                Panel(
                    "Connections in use",
                    {"{{instance}}": "s4_database_connections_in_use / s4_database_connections_most"},
                    "percentunit",
                ),
                Panel("Waiting for one", {"{{instance}}": "s4_database_waiting"}),
                Panel("Time to get one, p95", {"{{job}}": p95("s4_database_acquire_seconds", "job")}, "s"),
            ),
        ),
        Row(
            "Loops",
            (
                Panel(
                    "Seconds since the last success",
                    {"{{job}} {{loop}}": "time() - max by (job, loop) (s4_loop_last_success_timestamp_seconds)"},
                    "s",
                    width=12,
                ),
                Panel("Failures", {"{{loop}} {{code}}": grown("s4_loop_failures_total", "loop", "code")}, width=12),
            ),
        ),
    )


def site_pages() -> str:
    """The five slowest."""
    slow = p95("s4_http_request_seconds", "route", of='{job="web",listener="http"}')
    return f"topk(5, {slow})"


def bus() -> tuple[Row, ...]:
    """How events travel."""
    return (
        Row(
            "Waiting",
            (
                Panel("The oldest in each queue", {"{{queue}}": "min by (queue) (s4_bus_queue_oldest_seconds)"}, "s"),
                Panel("In queues", {"{{queue}}": "max by (queue) (s4_bus_queue_messages)"}),
                Panel("The oldest in each outbox", {"{{service}}": "max by (service) (s4_outbox_oldest_seconds)"}, "s"),
            ),
        ),
        Row(
            "Flow",
            (
                Panel("Told a second", {"{{type}}": rate("s4_bus_published_total", "type")}),
                Panel(
                    "Handled a second", {"{{service}} {{outcome}}": rate("s4_bus_consumed_total", "service", "outcome")}
                ),
                Panel("Age when handled, p95", {"{{service}}": p95("s4_bus_event_age_seconds", "service")}, "s"),
                Panel("Time in handlers, p95", {"{{type}}": p95("s4_bus_handler_seconds", "type")}, "s"),
            ),
        ),
        Row(
            "Trouble",
            (
                Panel("Connected", {"{{service}} {{part}}": "min by (service, part) (s4_bus_connected)"}),
                Panel("Put off", {"{{service}} {{code}}": grown("s4_bus_retried_total", "service", "code")}),
                Panel("Parked", {"{{service}} {{code}}": grown("s4_bus_parked_total", "service", "code")}),
                Panel("Refused by the broker", {"{{service}}": grown("s4_bus_refused_total", "service")}),
                Panel("Nobody listened", {"{{type}}": grown("s4_bus_unroutable_total", "type")}),
            ),
        ),
    )


def fleet() -> tuple[Row, ...]:
    """Grids, and the hosts that they are on."""
    return (
        Row(
            "Grids",
            (
                Panel("In hand", {"{{instance}}": "provisioner_grids_in_hand"}),
                Panel("Time of each step, p95", {"{{step}}": p95("provisioner_step_seconds", "step")}, "s"),
                Panel("Trouble", {"{{step}} {{code}}": grown("provisioner_step_trouble_total", "step", "code")}),
                Panel("Given up", {"{{step}} {{code}}": grown("provisioner_grids_failed_total", "step", "code")}),
                Panel("Probes", {"{{code}}": grown("provisioner_grid_probes_total", "code")}),
                Panel("Looks", {"{{found}}": rate("provisioner_grid_looks_total", "found")}),
                Panel("Not mended", {"{{code}}": "max by (code) (provisioner_grids_unmended)"}),
                Panel("The shortest session", {"seconds": "min(provisioner_lending_left_seconds)"}, "s"),
                Panel("Leaving since", {"seconds": "max(provisioner_oldest_leaving_seconds)"}, "s"),
            ),
        ),
        Row(
            "Hosts",
            (
                Panel("Empty", {"{{pool}} {{state}}": "max by (pool, state) (provisioner_empty_hosts)"}),
                Panel("Room", {"{{pool}}": "min by (pool) (provisioner_room)"}),
                Panel("Could not be had, in a row", {"{{pool}}": "max by (pool) (provisioner_failing_hosts)"}),
                Panel("Time of each step, p95", {"{{step}}": p95("provisioner_host_step_seconds", "step")}, "s"),
                Panel("Trouble", {"{{step}} {{code}}": grown("provisioner_host_trouble_total", "step", "code")}),
                Panel("Unwell", {"{{region}} {{code}}": "max by (region, code) (provisioner_hosts_unwell)"}),
                Panel("Lost", {"{{pool}} {{code}}": grown("provisioner_hosts_lost_total", "pool", "code")}),
                Panel("Breaker", {"{{region}}": "max by (region) (provisioner_breaker_open)"}),
                Panel("Rollouts", {"{{pool}} {{what}}": grown("provisioner_rollout_grids_total", "pool", "what")}),
            ),
        ),
        Row(
            "The cloud",
            (
                Panel(
                    "Share of the documented rate",
                    {"{{service}}": "min by (service) (s4_aws_pace_ratio)"},
                    "percentunit",
                ),
                Panel("Waited for a turn, p95", {"{{service}}": p95("s4_aws_wait_seconds", "service")}, "s"),
                Panel("Leftovers", {"{{what}} {{kind}}": "max by (what, kind) (provisioner_findings)"}),
            ),
        ),
    )


def billing() -> tuple[Row, ...]:
    """Money, and whether we and Stripe agree."""
    return (
        Row(
            "From Stripe",
            (
                Panel("Deliveries", {"{{outcome}}": rate("billing_webhook_deliveries_total", "outcome")}),
                Panel("Dead events", {"events": grown("billing_events_dead_total")}),
                Panel("Unexpected", {"{{fact}}": grown("billing_unexpected_facts_total", "fact")}),
                Panel("Differences", {"differences": "max(billing_drift)"}, kind="stat"),
                Panel("Compared", {"subscriptions": "max(billing_compared_subscriptions)"}, kind="stat"),
                Panel("Found that nobody had told", {"{{kind}}": grown("billing_drift_found_total", "kind")}),
            ),
        ),
        Row(
            "To Stripe",
            (
                Panel("Refused", {"{{kind}}": grown("billing_commands_refused_total", "kind")}),
                Panel("Refunds that failed", {"refunds": grown("billing_refunds_failed_total")}),
            ),
        ),
        Row(
            "Sales",
            (
                Panel("Not opened", {"{{limit}}": grown("billing_checkouts_refused_total", "limit")}),
                Panel("Sold out", {"{{plan}}": grown("billing_sold_out_total", "plan")}),
                Panel("Sold without knowing", {"sales": grown("billing_sold_unknowing_total")}),
            ),
        ),
    )


def letters() -> tuple[Row, ...]:
    """What customers are told, and what comes back; invites, too."""
    return (
        Row(
            "Letters",
            (
                Panel("By outcome", {"{{outcome}}": grown("notifier_letters_total", "outcome")}),
                Panel("By kind", {"{{kind}}": grown("notifier_letters_total", "kind", of='{outcome="sent"}')}),
                Panel("From owed to taken over, p95", {"seconds": p95("notifier_letter_seconds")}, "s"),
                Panel("The oldest owed", {"seconds": "max(notifier_oldest_owed_seconds)"}, "s"),
                Panel("Put off", {"{{code}}": grown("notifier_letters_postponed_total", "code")}),
                Panel("What came back", {"{{outcome}}": grown("notifier_reports_total", "outcome")}),
            ),
        ),
        Row(
            "Invites",
            (
                Panel("Open", {"open": "max(invites_open)", "unreachable": "max(invites_unreachable)"}),
                Panel(
                    "Ended",
                    {"{{outcome}}": grown("invites_ended_total", "outcome"), "used": grown("invites_claimed_total")},
                ),
                Panel("The mailbox server is silent", {"{{instance}}": "invites_mailbox_silent_seconds"}, "s"),
            ),
        ),
    )


BOARDS = {
    "overview": ("Overview", overview),
    "services": ("Services", services),
    "bus": ("Events", bus),
    "fleet": ("Grids and hosts", fleet),
    "billing": ("Billing", billing),
    "letters": ("Letters and invites", letters),
}


def sibling(name: str) -> ModuleType:
    """Another program of this folder."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    if spec is None or spec.loader is None:
        raise FileNotFoundError(name)
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(name, module)
    spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def board(uid: str, title: str, rows: tuple[Row, ...]) -> dict[str, Any]:
    """A dashboard as Grafana reads it."""
    panels: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        place = {"h": 1, "w": 24, "x": 0, "y": top}
        panels.append({"id": len(panels) + 1, "type": "row", "title": row.title, "collapsed": False, "gridPos": place})
        top, left = top + 1, 0
        for panel in row.panels:
            if left + panel.width > 24:
                top, left = top + 8, 0
            place = {"h": 8, "w": panel.width, "x": left, "y": top}
            panels.append(picture(panel, len(panels) + 1, place))
            left += panel.width
        top += 8
    return {
        "uid": f"s4-{uid}",
        "title": f"S4: {title}",
        "tags": ["s4"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "utc",
        "templating": {"list": []},
        "annotations": {"list": []},
        "panels": panels,
    }


def picture(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    """A panel as Grafana reads it."""
    targets: list[dict[str, Any]] = [
        {"refId": chr(ord("A") + place), "datasource": SOURCE, "expr": expr, "legendFormat": legend}
        for place, (legend, expr) in enumerate(panel.queries.items())
    ]
    if panel.kind != "timeseries":
        targets = [{**target, "instant": True} for target in targets]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": {},
        "targets": targets,
    }


def files() -> dict[str, str]:
    """Every dashboard by its path in the repository."""
    return {
        f"{FOLDER}/{uid}.json": json.dumps(board(uid, title, rows()), indent=1) + "\n"
        for uid, (title, rows) in BOARDS.items()
    }


def main(root: Path) -> None:
    """All of them are written."""
    for name, text in files().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
