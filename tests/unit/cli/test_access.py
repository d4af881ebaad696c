import json
from pathlib import Path

import pytest

from s4_cli.access import LOCAL, access
from s4_runtime import Permanent


def test_the_environment_names_the_service_and_a_file_with_the_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-token\n")
    told = {"S4_BILLING_OPERATOR_URL": "https://billing.internal/", "S4_OPERATOR_TOKEN_FILE": str(tmp_path / "token")}
    found = access("billing", told, tmp_path)
    assert (found.url, found.token.reveal()) == ("https://billing.internal", "a-token")
    assert "a-token" not in repr(found)


def test_without_it_the_local_run_is_found_from_any_folder_below(tmp_path: Path) -> None:
    place = tmp_path / LOCAL
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps({"billing": "http://127.0.0.1:1", "token": "local"}))
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert access("billing", {}, below).url == "http://127.0.0.1:1"


@pytest.mark.parametrize("written", ["", "{", "[]", '{"token": "local"}'])
def test_a_file_that_was_cut_off_is_said(tmp_path: Path, written: str) -> None:
    (tmp_path / LOCAL).parent.mkdir(parents=True)
    (tmp_path / LOCAL).write_text(written)
    with pytest.raises(Permanent, match="operator-access-unreadable"):
        access("billing", {}, tmp_path)


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({}, "no-operator-access"),
        ({"S4_BILLING_OPERATOR_URL": "http://x"}, "no-operator-token"),
        ({"S4_BILLING_OPERATOR_URL": "http://x", "S4_OPERATOR_TOKEN_FILE": "/nowhere"}, "operator-token-unreadable"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, environ: dict[str, str], code: str) -> None:
    with pytest.raises(Permanent, match=code):
        access("billing", environ, tmp_path)
