from datetime import timedelta
from pathlib import Path

import pytest

from s4_provisioner.settings import Settings
from s4_runtime import SettingsError, load

GIVEN = {
    "S4_DATABASE_URL": "postgresql://s4:hidden@127.0.0.1/provisioner",
    "S4_AMQP_URL": "amqp://s4:hidden@127.0.0.1/",
    "S4_DEPLOYMENT": "local",
    "S4_LISTEN": "127.0.0.1:8080",
    "S4_SERVICE_TOKEN": "hidden",
    "S4_SEAL_KEY": "hidden",
    "S4_SSH_KEY": "hidden",
    "S4_AWS_REGION": "eu-central-1",
    "S4_GRID_DOMAIN": "grids.example.test",
    "S4_HOSTED_ZONE": "example.test",
}


def test_what_must_be_given_is_enough() -> None:
    settings = load(Settings, GIVEN)

    assert settings.probe_command == ["s4-node", "probe"]
    assert settings.host_user == "s4"
    assert settings.ssh_port == 22
    assert settings.furl_address_hint is False
    assert settings.aws_endpoint_url is None


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        load(Settings, {})

    assert {problem.split()[0] for problem in refused.value.problems} == set(GIVEN)


def test_secrets_come_from_files_and_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "seal").write_text("from the file\n")
    given = {name: text for name, text in GIVEN.items() if name != "S4_SEAL_KEY"}

    settings = load(Settings, given | {"S4_SEAL_KEY_FILE": str(tmp_path / "seal")})

    assert settings.seal_key.reveal() == "from the file"
    assert "from the file" not in repr(settings)
    assert "hidden" not in repr(settings)


def test_a_deployment_that_would_break_names_at_aws_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="S4_DEPLOYMENT"):
        load(Settings, GIVEN | {"S4_DEPLOYMENT": "Not A Label"})


def test_what_the_shop_sets_is_understood() -> None:
    settings = load(
        Settings,
        GIVEN
        | {
            "S4_AWS_ENDPOINT_URL": "http://127.0.0.1:15000",
            "S4_PROBE_COMMAND": "/opt/node/bin/s4-node,probe",
            "S4_FURL_ADDRESS_HINT": "true",
            "S4_CONCURRENCY": "5",
            "S4_BOOT_LIMIT": "PT90S",
        },
    )

    assert settings.aws_endpoint_url == "http://127.0.0.1:15000"
    assert settings.probe_command == ["/opt/node/bin/s4-node", "probe"]
    assert settings.furl_address_hint is True
    assert settings.concurrency == 5
    assert settings.boot_limit == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("S4_OPERATOR_TOKENS", "ada:short"),
        ("S4_OPERATOR_TOKENS", f"ada:{'a' * 32},ada:{'b' * 32}"),
        ("S4_PRICES", "nowhere.json"),
    ],
)
def test_operators_and_prices_that_cannot_be_used_stop_the_start(setting: str, value: str) -> None:
    with pytest.raises(SettingsError, match=setting):
        load(Settings, GIVEN | {setting: value})
