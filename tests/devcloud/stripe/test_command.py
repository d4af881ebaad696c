import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from s4_devcloud.stripe.command import settings_of

KEYS = ["--secret-key", "sk_test_x", "--publishable-key", "pk_test_x"]


def test_the_command_says_when_it_serves_and_ends_when_told(free_port: Callable[[], int], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("whsec_x\n")
    listen, control = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "s4_devcloud", "stripe", "--listen", listen, "--control", control, *KEYS]
    command += ["--webhook-url", "http://127.0.0.1:9/events", "--webhook-secret-file", str(secret)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert ready == {
        "part": "stripe",
        "ready": True,
        "api": f"http://{listen}",
        "control": f"http://{control}",
        "public_url": f"http://{listen}",
    }


def test_the_signing_secret_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(" whsec_x \n")
    files = ["--webhook-url", "http://127.0.0.1:9", "--webhook-secret-file", str(tmp_path / "secret")]
    settings = settings_of([*KEYS, *files, "--public-url", "http://pay.test/"])
    assert (settings.webhook_secret, settings.public_url) == ("whsec_x", "http://pay.test")
    assert "whsec_x" not in repr(settings)
    assert "sk_test_x" not in repr(settings)


def test_the_keys_may_be_in_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("sk_test_filed\n")
    (tmp_path / "publishable").write_text("pk_test_filed\n")
    files = ["--secret-key-file", str(tmp_path / "secret"), "--publishable-key-file", str(tmp_path / "publishable")]
    settings = settings_of(files)
    assert (settings.secret_key, settings.publishable_key) == ("sk_test_filed", "pk_test_filed")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--secret-key", "sk_live_x", "--publishable-key", "pk_test_x"], "sk_test_"),
        (["--secret-key", "sk_test_x", "--publishable-key", "pk_live_x"], "pk_test_"),
        ([*KEYS, "--webhook-url", "http://127.0.0.1:9"], "--webhook-secret-file"),
        ([*KEYS, "--webhook-secret-file", "/nowhere/at/all"], "does not exist or is empty"),
        (["--publishable-key", "pk_test_x"], "--secret-key"),
        ([*KEYS, "--secret-key-file", "somewhere"], "not allowed with"),
        (["--publishable-key", "pk_test_x", "--secret-key-file", "/nowhere/at/all"], "does not exist or is empty"),
    ],
)
def test_a_wrong_command_line_is_explained(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        settings_of(arguments)
    assert said in capsys.readouterr().err
