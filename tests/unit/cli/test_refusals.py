"""What was typed wrongly is refused in words."""

import pytest

from s4_cli.__main__ import main


def test_a_registry_that_is_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["images", "build", "--dry-run", "--push", "http://x y"]) == 1
    told = capsys.readouterr().err
    assert "s4: " in told
    assert "Traceback" not in told
