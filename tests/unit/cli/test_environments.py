"""Which installation a command is for, and what is refused before anything is asked."""

import json
from pathlib import Path

import pytest

from s4_cli.access import access, installation_file, read
from s4_runtime import Permanent


def written(folder: Path, name: str, mode: int = 0o600, **told: object) -> dict[str, str]:
    file = folder / "s4" / f"{name}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(told))
    file.chmod(mode)
    return {"XDG_CONFIG_HOME": str(folder)}


def test_an_environment_is_a_file_and_its_name_is_the_deployment_that_is_meant(tmp_path: Path) -> None:
    environ = written(tmp_path, "staging", support="http://s/", token="t", probes={"web": "http://w"})
    found = access("support", environ, tmp_path, "staging")
    assert (found.url, found.token.reveal(), found.deployment) == ("http://s", "t", "staging")
    assert found.probes == {"web": "http://w"}


def test_what_is_asked_for_counts_more_than_variables(tmp_path: Path) -> None:
    environ = written(tmp_path, "staging", support="http://s", token="t")
    environ |= {"S4_SUPPORT_OPERATOR_URL": "http://production", "S4_OPERATOR_TOKEN": "p"}
    assert access("support", environ, tmp_path, "staging").url == "http://s"
    assert access("support", environ, tmp_path).url == "http://production"


def test_a_token_may_stand_in_a_file_beside(tmp_path: Path) -> None:
    environ = written(tmp_path, "staging", mode=0o644, support="http://s", token_file="staging.token")
    with pytest.raises(Permanent, match="operator-token-unreadable"):
        access("support", environ, tmp_path, "staging")
    (tmp_path / "s4" / "staging.token").write_text("t\n")
    assert access("support", environ, tmp_path, "staging").token.reveal() == "t"


@pytest.mark.parametrize(
    ("environment", "told", "mode", "code"),
    [
        ("production", {"support": "http://s", "token": "t", "deployment": "staging"}, 0o600, "wrong-environment"),
        ("production", {"support": "http://s", "token": "t"}, 0o644, "operator-access-open-to-others"),
        ("production", {"token": "t"}, 0o600, "operator-access-unreadable"),
        ("production", {"support": "http://s"}, 0o600, "operator-access-unreadable"),
        ("production", {"support": 7}, 0o600, "operator-access-unreadable"),
        ("other", {}, 0o600, "no-such-environment"),
        ("../x", {}, 0o600, "not-an-environment"),
    ],
)
def test_a_wrong_context_is_refused(
    tmp_path: Path, environment: str, told: dict[str, object], mode: int, code: str
) -> None:
    environ = written(tmp_path, "production", mode, **told)
    with pytest.raises(Permanent, match=code):
        access("support", environ, tmp_path, environment)


def test_an_installation_never_shows_its_token(tmp_path: Path) -> None:
    environ = written(tmp_path, "staging", support="http://s", token="a-token")
    file = installation_file(environ, tmp_path, "staging")
    assert file is not None
    assert "a-token" not in repr(read(file, "staging"))
