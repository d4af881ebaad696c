"""Alert rules, their tests and runbooks from k8s/observability: ``python tools/observability.py [REPOSITORY]``."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

ROOT = Path(__file__).parents[1]
HOME = "k8s/observability"
PAGES = "docs/operations/runbooks"
# Each pair of windows with the share of the budget's even spending that is too much in both (Site Reliability
# Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts"): 2 % of it in an hour, 5 % in six, 10 % in three days.
BURNS = (("1h", "5m", 14.4, "page"), ("6h", "30m", 6.0, "page"), ("3d", "6h", 1.0, "ticket"))
WINDOWS = ("5m", "30m", "1h", "6h", "3d")
SERVICES = ("web", "billing", "provisioner", "notifier", "invites", "support")
WRITTEN = "Written by `make schema` from k8s/observability; a test keeps it true."


class Alert(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is wrong, for whom, and what a person does about it; with series for which it fires and is silent."""

    name: str
    expr: str
    severity: str
    summary: str
    means: str
    see: list[str]
    do: list[str]
    stop: str
    fires: dict[str, str]
    silent: dict[str, str] = {}
    wait: str = msgspec.field(default="0m", name="for")
    at: str = "25m"
    silent_at: str = ""
    step: str = "1m"


class Slo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A promise to customers. ``bad`` and ``all`` are rates over $window."""

    name: str
    alert: str
    objective: float
    promise: str
    bad: str
    all: str
    bad_series: str
    good_series: str
    good_in_all: bool = False
    means: str
    see: list[str]
    do: list[str]
    stop: str

    @property
    def budget(self) -> float:
        """The share that may be bad."""
        return round(1 - self.objective / 100, 6)


def alerts() -> dict[str, list[Alert]]:
    """All alerts by group, as the files have them."""
    found = {}
    for path in sorted((ROOT / HOME / "alerts").glob("*.toml")):
        found[path.stem] = msgspec.convert(tomllib.loads(path.read_text())["alert"], list[Alert])
    return found


def slos() -> list[Slo]:
    """All promises."""
    return msgspec.convert(tomllib.loads((ROOT / HOME / "slos.toml").read_text())["slo"], list[Slo])


def loops() -> dict[tuple[str, str], int]:
    """For how many seconds each loop of each service may be without a success."""
    told = tomllib.loads((ROOT / HOME / "loops.toml").read_text())
    return {
        (service, loop): limit
        for service in SERVICES
        for loop, limit in sorted({**told["all"], **told.get(service, {})}.items())
    }


def kebab(name: str) -> str:
    """LoopStalled as loop-stalled."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def rule(name: str, expr: str, wait: str, severity: str, summary: str, **labels: str) -> dict[str, Any]:
    """One alert as Prometheus reads it."""
    held = {"for": wait} if wait != "0m" else {}
    notes = {"summary": summary, "runbook_url": f"{PAGES}/{kebab(name)}.md"}
    return {"alert": name, "expr": expr, **held, "labels": {"severity": severity, **labels}, "annotations": notes}


def alert_rules(group: str, found: list[Alert]) -> dict[str, Any]:
    """A file of rules."""
    rules = [rule(one.name, one.expr, one.wait, one.severity, one.summary) for one in found]
    return {"groups": [{"name": group, "rules": rules}]}


def slo_rules() -> dict[str, Any]:
    """Ratios over each window, and alerts where a budget is spent too fast."""
    groups = []
    for slo in slos():
        recorded = [
            {
                "record": f"s4:slo_errors:ratio_rate{window}",
                "expr": f"({slo.bad.replace('$window', window)}) / ({slo.all.replace('$window', window)})",
                "labels": {"slo": slo.name},
            }
            for window in WINDOWS
        ]
        burning = [
            rule(slo.alert, burn(slo, long, short, rate), "2m", severity, summary(slo), slo=slo.name, window=long)
            for long, short, rate, severity in BURNS
        ]
        budget = {"record": "s4:slo_budget:ratio", "expr": f"vector({slo.budget})", "labels": {"slo": slo.name}}
        groups.append({"name": f"slo-{slo.name}", "rules": [budget, *recorded, *burning]})
    return {"groups": groups}


def burn(slo: Slo, long: str, short: str, rate: float) -> str:
    """Whether the budget is spent so much too fast, for long and still."""
    most, name = f"{round(rate * slo.budget, 6):g}", f'{{slo="{slo.name}"}}'
    return " and ".join(f"s4:slo_errors:ratio_rate{window}{name} > {most}" for window in (long, short))


def summary(slo: Slo) -> str:
    """What is told of a promise that is broken."""
    share = "{{ $value | humanizePercentage }}"
    return f"Broken for {share} of the cases ({slo.objective:g} % are promised): {slo.promise}"


def recorded_rules() -> dict[str, Any]:
    """The funnel, times to the furl, and how long loops may be silent."""
    limits = [
        {"record": "s4:loop_limit:seconds", "expr": f"vector({limit})", "labels": {"job": service, "loop": loop}}
        for (service, loop), limit in loops().items()
    ]
    business = [
        {"record": "s4:funnel:increase1d", "expr": "sum by (step) (increase(s4_funnel_total[1d]))"},
        {
            "record": "s4:paid_to_furl_seconds:p95_1h",
            "expr": "histogram_quantile(0.95, sum by (host, le) (rate(provisioner_paid_to_furl_seconds_bucket[1h])))",
        },
    ]
    return {"groups": [{"name": "limits", "rules": limits}, {"name": "business", "rules": business}]}


def count_of(alert: str) -> str:
    """Whether the alert fires, whatever its labels."""
    return f'sum(min by (alertname) (ALERTS{{alertname="{alert}",alertstate="firing"}})) or vector(0)'


def case(title: str, series: dict[str, str], expected: int, *, at: str, step: str = "1m") -> dict[str, Any]:
    """One test as promtool reads it. The alert's name is the first word of the title."""
    query = {
        "expr": count_of(title.partition(" ")[0]),
        "eval_time": at,
        "exp_samples": [{"labels": "{}", "value": expected}],
    }
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    return {"name": title, "interval": step, "input_series": inputs, "promql_expr_test": [query]}


def alert_tests(group: str, found: list[Alert]) -> dict[str, Any]:
    """Each alert fires when it should, and is silent when not."""
    cases = []
    for one in found:
        cases.append(case(f"{one.name} fires", one.fires, 1, at=one.at, step=one.step))
        if one.silent:
            cases.append(case(f"{one.name} is silent", one.silent, 0, at=one.silent_at or one.at, step=one.step))
    recorded = ["../rules/recorded.yaml"] if any("s4:" in one.expr for one in found) else []
    return {"rule_files": [f"../rules/{group}.yaml", *recorded], "evaluation_interval": "1m", "tests": cases}


def slo_tests() -> dict[str, Any]:
    """A budget that burns fast is told within minutes; one that is spent as it may be is not."""
    cases = []
    for slo in slos():
        for title, bad, expected in (("fires", 0.9, 1), ("is silent", slo.budget / 2, 0)):
            wrong, right = round(1000 * bad, 3), round(1000 * (1 - bad), 3)
            series = {
                slo.bad_series: f"0+{1000 if slo.good_in_all else wrong:g}x70",
                slo.good_series: f"0+{right:g}x70",
            }
            cases.append(case(f"{slo.alert} {title}", series, expected, at="66m"))
    return {"rule_files": ["../rules/slo.yaml"], "tests": cases}


def page(one: Alert | Slo, group: str) -> str:
    """What a person reads who was woken by the alert."""
    name = one.alert if isinstance(one, Slo) else one.name
    if isinstance(one, Slo):
        when = (
            f"The promise: {one.promise} In {one.objective:g} % of all cases, over 30 days.\n\nIt fires when\n\n"
            + "".join(
                f"- {rate:g} times what may be spent was spent in {long} and in {short} ({severity})\n"
                for long, short, rate, severity in BURNS
            )
        )
    else:
        held = f", for {one.wait}" if one.wait != "0m" else ""
        when = f"Severity: {one.severity}. It fires when this holds{held}:\n\n    {one.expr}\n"
    steps = "\n".join(f"{number}. {text}" for number, text in enumerate(one.do, 1))
    looks = "\n".join(f"- {text}" for text in one.see)
    return (
        f"# {name}\n\n{WRITTEN} ({group})\n\n{one.means}\n\n{when}\n## See\n\n{looks}\n\n## Do\n\n{steps}\n\n"
        f"## Stop\n\n{one.stop}\n"
    )


def index() -> str:
    """All pages in one table."""
    rows = [f"| [{s.alert}]({kebab(s.alert)}.md) | page, ticket | {s.means} |" for s in slos()]
    for found in alerts().values():
        rows += [f"| [{a.name}]({kebab(a.name)}.md) | {a.severity} | {a.means} |" for a in found]
    head = "| alert | severity | means |\n|---|---|---|"
    names = "\n".join(sorted(kebab(name) for name in names_of_alerts()))
    return (
        f"# Runbooks\n\n{WRITTEN} `page` wakes somebody, `ticket` waits for the morning.\n\n{head}\n"
        + "\n".join(rows)
        + f"\n\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"
    )


def names_of_alerts() -> list[str]:
    """Every alert."""
    return [slo.alert for slo in slos()] + [one.name for found in alerts().values() for one in found]


def files() -> Iterator[tuple[str, str]]:
    """Every file that is generated, by its path in the repository."""

    def as_yaml(content: dict[str, Any]) -> str:
        return f"# {WRITTEN}\n" + yaml.safe_dump(content, sort_keys=False, width=1000, allow_unicode=True)

    yield f"{HOME}/rules/recorded.yaml", as_yaml(recorded_rules())
    yield f"{HOME}/rules/slo.yaml", as_yaml(slo_rules())
    yield f"{HOME}/tests/slo.yaml", as_yaml(slo_tests())
    for group, found in alerts().items():
        yield f"{HOME}/rules/{group}.yaml", as_yaml(alert_rules(group, found))
        yield f"{HOME}/tests/{group}.yaml", as_yaml(alert_tests(group, found))
        for one in found:
            yield f"{PAGES}/{kebab(one.name)}.md", page(one, f"alerts/{group}.toml")
    for slo in slos():
        yield f"{PAGES}/{kebab(slo.alert)}.md", page(slo, "slos.toml")
    yield f"{PAGES}/index.md", index()


def main(root: Path) -> None:
    """All of them are written."""
    for name, text in files():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
