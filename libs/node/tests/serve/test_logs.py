"""What a serving process writes on stderr, and what it never does."""

import base64
import hashlib
import io
import json
import sys

import pytest
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from s4_node.redaction import redacted
from s4_node.serve import logs

# the same in every process: they are in the names of tests
SECRET_32 = hashlib.sha256(b"a secret").digest()
BASE32_20 = base64.b32encode(SECRET_32[:20]).decode().lower()
BASE32_32 = base64.b32encode(SECRET_32).decode().lower().rstrip("=")
BASE64_32 = base64.b64encode(SECRET_32).decode()
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # of AWS' documentation
TOKEN = base64.b64encode(8 * SECRET_32).decode()


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("key AKIAIOSFODNN7EXAMPLE is unknown", "AKIAIOSFODNN7EXAMPLE"),
        ("key ASIAIOSFODNN7EXAMPLE has expired", "ASIAIOSFODNN7EXAMPLE"),
        (f"aws_secret_access_key = {AWS_SECRET}", AWS_SECRET),
        (f'{{"SecretAccessKey": "{AWS_SECRET}"}}', AWS_SECRET),
        (f"Credentials({AWS_SECRET})", AWS_SECRET),
        (f"x-amz-security-token: {TOKEN}", TOKEN),
        (f"token={TOKEN} sent", TOKEN),
        ('"SessionToken" : "FwoGZXIvYXdzEBYaD"', "FwoGZXIvYXdzEBYaD"),
        ("Authorization: AWS4-HMAC-SHA256 Credential=AKIA/20130524/us-east-1/s3, Signature=f0e8bdb87c", "f0e8bdb87c"),
        ("https://b.example/k?X-Amz-Signature=f0e8bdb87c&X-Amz-Date=20130524T000000Z", "f0e8bdb87c"),
        ("https://b.example/k?X-Amz-Credential=AKIA%2F20130524", "20130524"),
        ("the signature=f0e8bdb87c differs", "f0e8bdb87c"),
        (f"X-Tahoe-Authorization: lease-renew-secret {BASE64_32}", BASE64_32),
        (f"('write-enabler', {BASE64_32})", BASE64_32),
        ("upload-secret abcdef", "abcdef"),
        (f"Authorization: Tahoe-LAFS {base64.b64encode(BASE32_20.encode()).decode()}", "Tahoe-LAFS"),
        (f"renewing {BASE64_32}", BASE64_32),
        (f"lease secret {BASE32_32} was", BASE32_32),
        (f"/storage/{BASE32_20} asked", BASE32_20),
        (f"secrets: {SECRET_32!r}", repr(SECRET_32)[6:-6]),
        (f"secrets: {(SECRET_32, SECRET_32)!r}", repr(SECRET_32)[6:-6]),
    ],
)
def test_no_key_token_signature_or_lease_secret_is_logged(text: str, secret: str) -> None:
    assert secret not in redacted(text)
    assert "[secret]" in redacted(text)
    assert secret not in redacted(f"before {text}\nafter")
    assert redacted(f"before {text}\nafter").endswith("after")


@pytest.mark.parametrize(
    "text",
    [
        f"server v0-{BASE32_32} is announced",
        "grid 0190d3a0-0000-7000-8000-000000000001",
        "/var/lib/s4/grids/0190d3a0-0000-7000-8000-000000000001/storage/tahoe.cfg",
        f"share {base64.b32encode(SECRET_32[:16]).decode().lower().rstrip('=')}/3 is damaged",
        "PUT: SlowDown (503)",
        '"9bb58f26192e4ba00f01e2e7b136bbd8-5"',
        "the bucket s4-customers-eu in eu-central-1 is missing",
        "b'abc\\x00'",
    ],
)
def test_what_an_operator_needs_is_logged(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    "text", ["b'" + "\\x00" * 20000, "ab1A/" * 20000, "b'" + "a" * 50000, "=" * 50000, "a\\" * 9000]
)
@pytest.mark.timeout(10)
def test_looking_for_secrets_in_a_long_line_takes_no_time_to_speak_of(text: str) -> None:
    assert len(redacted(text)) <= len(text)


def an_event(namespace: str = "s4_node.storage.upload", **fields: object) -> dict[str, object]:
    return {"log_time": 0.0, "log_level": LogLevel.info, "log_namespace": namespace, **fields}


def test_an_event_of_ours_is_its_name_and_its_fields() -> None:
    event = an_event(log_format="upload.refused", grid="g1", bytes=5, done=False, error=OSError("disk full"), why=None)
    assert logs.fields_of(event) == {
        "time": "1970-01-01T00:00:00.000Z",
        "level": "info",
        "event": "upload.refused",
        "grid": "g1",
        "bytes": 5,
        "done": False,
        "error": "disk full",
        "why": None,
    }


def test_no_field_carries_a_secret() -> None:
    event = an_event(log_format="grid.failed", why=f"cannot reach pb://a@b/c with {AWS_SECRET}", of=(b"x", SECRET_32))
    line = json.dumps(logs.fields_of(event))
    assert "pb://" not in line
    assert AWS_SECRET not in line
    assert repr(SECRET_32)[6:-6].replace("\\", "\\\\") not in line


def test_a_failure_is_told_with_its_stack_and_without_secrets() -> None:
    try:
        raise ValueError("pb://a@b/c")
    except ValueError:
        event = an_event(log_format="process.failed", log_failure=Failure(), log_level=LogLevel.critical)
    told = logs.fields_of(event)
    assert told is not None
    assert told["level"] == "critical"
    assert "test_logs.py" in str(told["error"])
    assert "pb://" not in str(told["error"])


def test_libraries_are_heard_from_errors_up() -> None:
    chatter = an_event("twisted.web", log_format="{a} GET /storage/v1/version", a="x")
    assert logs.fields_of(chatter) is None
    assert logs.fields_of({**chatter, "log_level": LogLevel.warn}) is None
    told = logs.fields_of({**chatter, "log_level": LogLevel.error})
    assert told is not None
    assert (told["event"], told["text"]) == ("library.error", "x GET /storage/v1/version")
    of_old = {"log_time": 0.0, "isError": 1, "log_level": LogLevel.info, "log_format": "broken", "log_namespace": "-"}
    assert (logs.fields_of(of_old) or {})["level"] == "error"


def test_what_is_only_for_debugging_is_not_logged() -> None:
    assert logs.fields_of({**an_event(log_format="look"), "log_level": LogLevel.debug}) is None


def test_where_no_terminal_is_the_log_is_for_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert logs.usual_style() == "json"


@pytest.mark.parametrize("style", ["json", "text"])
def test_an_event_is_one_line(style: logs.Style) -> None:
    line = logs.line_of(style, an_event(log_format="grid.failed", grid="g1", why="one\ntwo"))
    assert line is not None
    assert line.count("\n") == 0
    if style == "json":
        assert json.loads(line)["why"] == "one\ntwo"
    else:
        assert line == "1970-01-01T00:00:00.000Z info grid.failed grid=g1 why=one\\ntwo"


def test_a_logger_of_ours_speaks_with_our_name() -> None:
    heard: list[dict[str, object]] = []
    Logger("s4_node.serve.tenant", observer=heard.append).info("grid.serving", grid="g1", seconds=0.25)
    told = logs.fields_of(heard[0])
    assert told is not None
    assert {name: told[name] for name in ("event", "grid", "seconds")} == {
        "event": "grid.serving",
        "grid": "g1",
        "seconds": 0.25,
    }
