"""The CronJob types what the command understands, and is shown what a backup must hold."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from s4_cli.words import parser
from s4_ops.backup.inventory import inventory
from s4_ops.backup.settings import BackupSettings
from s4_shop.wiring import SERVICES
from support.wired import ROOT

COMPONENT = ROOT / "k8s" / "components" / "backup"
KUBECTL = Path(sys.executable).with_name("kubectl")


@pytest.fixture(scope="module")
def rendered() -> dict[str, Any]:
    """Every object of the component by its kind."""
    done = subprocess.run([KUBECTL, "kustomize", COMPONENT], capture_output=True, check=True)
    return {each["kind"]: each for each in yaml.load_all(done.stdout, yaml.CSafeLoader)}


@pytest.fixture
def pod(rendered: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = rendered["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return spec


def test_the_command_line_is_one_that_the_command_knows(pod: dict[str, Any]) -> None:
    asked = parser().parse_args(pod["containers"][0]["args"])

    assert asked.to.startswith("s3://")
    assert str(asked.settings) == "/etc/s4/settings.json"


def test_its_settings_can_be_read(rendered: dict[str, Any]) -> None:
    told = msgspec.json.decode(rendered["ConfigMap"]["data"]["settings.json"], type=BackupSettings)

    assert told.secrets == "/run/secrets/installation"
    assert told.recipients


def test_it_is_shown_the_secrets_of_every_service_that_are_to_be_kept(pod: dict[str, Any]) -> None:
    shown = {mount["mountPath"].rpartition("/")[2] for mount in pod["containers"][0]["volumeMounts"]}
    kept = {
        key.partition("/")[0]
        for each in inventory().secrets.values()
        if each.worth == "keep"
        for key in each.kubernetes
    }

    assert kept == set(SERVICES)
    assert kept <= shown


def test_only_one_runs_at_a_time_and_none_for_longer_than_the_next_begins(rendered: dict[str, Any]) -> None:
    spec = rendered["CronJob"]["spec"]

    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] < 3600
