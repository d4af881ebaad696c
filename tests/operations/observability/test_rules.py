"""Alert rules: what is committed is what the data says, Prometheus takes it, and each alert fires when it should."""

import re
import subprocess
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from s4_cli.words import parser
from support.promql import metrics_in
from support.tools import tool

ROOT = Path(__file__).resolve().parents[3]
HOME = ROOT / "k8s" / "observability"
PAGES = ROOT / "docs" / "operations" / "runbooks"
OBSERVABILITY = tool("observability")
# What others than our services tell: Prometheus itself, kube-state-metrics (its documentation, "CronJob Metrics" and
# "Job Metrics") and kubelets (Kubernetes documentation, "Kubernetes Metrics Reference").
FROM_OUTSIDE = {
    "up",
    "ALERTS",
    "kube_cronjob_created",
    "kube_cronjob_status_last_successful_time",
    "kube_job_created",
    "kube_job_failed",
    "kubelet_volume_stats_available_bytes",
    "kubelet_volume_stats_capacity_bytes",
}
GROUPS = ["billing", "bus", "cluster", "grids", "hosts", "invites", "letters", "loops", "services", "slo"]


def promtool(*arguments: str, folder: Path = HOME) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], cwd=folder, capture_output=True, text=True, check=False)


def rules() -> Iterator[dict[str, Any]]:
    for path in sorted((HOME / "rules").glob("*.yaml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["rules"]


def test_rules_tests_and_pages_are_the_committed_ones() -> None:
    """Run ``make schema`` after a change of k8s/observability."""
    wanted = dict(OBSERVABILITY.files())
    folders = (HOME / "rules", HOME / "tests", PAGES)
    there = {str(path.relative_to(ROOT)): path.read_text() for folder in folders for path in folder.iterdir()}
    assert there.keys() == wanted.keys()
    assert {name for name in wanted if there[name] != wanted[name]} == set()


def test_prometheus_takes_the_rules() -> None:
    done = promtool("check", "rules", *map(str, sorted((HOME / "rules").glob("*.yaml"))))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("group", GROUPS)
def test_each_alert_fires_when_it_should_and_is_silent_when_not(group: str) -> None:
    done = promtool("test", "rules", f"tests/{group}.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_group_of_tests_is_left_out() -> None:
    assert sorted(path.stem for path in (HOME / "tests").glob("*.yaml")) == GROUPS


def test_every_alert_says_how_bad_it_is_and_where_its_page_is() -> None:
    alerts = [rule for rule in rules() if "alert" in rule]
    assert len(alerts) >= 50
    for one in alerts:
        assert one["labels"]["severity"] in {"page", "ticket", "none"}
        assert (ROOT / one["annotations"]["runbook_url"]).is_file()


def test_every_page_has_its_alert() -> None:
    named = {OBSERVABILITY.kebab(rule["alert"]) for rule in rules() if "alert" in rule}
    assert {path.stem for path in PAGES.glob("*.md")} - {"index"} == named


def test_every_alert_but_the_switch_is_also_tested_for_silence() -> None:
    alerts = [one for found in OBSERVABILITY.alerts().values() for one in found]
    assert [one.name for one in alerts if not one.silent] == ["DeadMansSwitch"]


def test_every_metric_of_a_rule_is_told_by_our_code() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    known = tool("metrics_reference").series() | recorded | FROM_OUTSIDE
    missing = {name: rule["expr"] for rule in rules() for name in metrics_in(rule["expr"]) if name not in known}
    assert missing == {}


def below(command: ArgumentParser) -> dict[str, ArgumentParser]:
    """The commands of a command; argparse tells them in no other way."""
    groups = command._subparsers._group_actions if command._subparsers else []
    return {name: sub for group in groups for name, sub in dict(group.choices or ()).items()}


def words_of_the_command() -> set[str]:
    """``grids show`` and so on, as the command itself knows them."""
    deeper = {f"{word} {name}" for word, sub in below(parser()).items() for name in below(sub)}
    return deeper | below(parser()).keys()


def test_every_command_on_a_page_exists() -> None:
    known = words_of_the_command()
    asked = {
        " ".join(match.split())
        for path in PAGES.glob("*.md")
        for match in re.findall(r"`s4 ([a-z-]+(?: [a-z-]+)?)", path.read_text())
    }
    assert len(asked) > 15
    assert {words for words in asked if words not in known and words.split()[0] not in known} == set()
    grouped = {word.split()[0] for word in known if " " in word}
    assert {words for words in asked if words.split()[0] in grouped and words not in known} == set()


def test_the_objectives_leave_room_for_the_fastest_burn() -> None:
    for slo in OBSERVABILITY.slos():
        assert 14.4 * slo.budget < 1
