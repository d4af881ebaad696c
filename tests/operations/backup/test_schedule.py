"""The CronJob types what the command understands, and is shown what a backup must hold."""

from typing import Any

import msgspec
import pytest

from s4_cli.words import parser
from s4_ops.backup import sealing
from s4_ops.backup.inventory import inventory
from s4_ops.backup.settings import BackupSettings
from s4_runtime import Permanent
from s4_shop.wiring import SERVICES
from support.manifests import Manifests, in_environment

ENVIRONMENTS = ("staging", "production")


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def given(environment: str) -> Manifests:
    return in_environment(environment)


@pytest.fixture
def pod(given: Manifests) -> dict[str, Any]:
    spec: dict[str, Any] = given.named("CronJob", "backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return spec


def settings(given: Manifests) -> BackupSettings:
    """What the pod reads."""
    (named,) = (one for one in given.of("ConfigMap") if one["metadata"]["name"].startswith("backup-"))
    return msgspec.json.decode(named["data"]["settings.json"], type=BackupSettings)


def test_the_command_line_is_one_that_the_command_knows(pod: dict[str, Any], environment: str) -> None:
    asked = parser().parse_args(pod["containers"][0]["args"])

    assert asked.to == f"s3://s4backups-{environment}/{environment}"
    assert str(asked.settings) == "/etc/s4/settings.json"


def test_its_settings_are_of_the_environment_and_show_it_the_secrets(given: Manifests, environment: str) -> None:
    told = settings(given)

    assert (told.deployment, told.secrets) == (environment, "/run/secrets/installation")
    assert told.server_url_file == "/run/secrets/s4/server-url"
    assert told.signing_key_file == "/run/secrets/s4/signing-key"


def test_nothing_is_backed_up_before_somebody_said_who_can_read_it(given: Manifests) -> None:
    with pytest.raises(Permanent, match="recipient-unreadable"):
        sealing.recipients(settings(given).recipients)


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


def test_only_one_runs_at_a_time_and_none_for_longer_than_the_next_begins(given: Manifests) -> None:
    spec = given.named("CronJob", "backup")["spec"]

    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] < 3600
