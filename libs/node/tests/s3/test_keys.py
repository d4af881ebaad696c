"""Where the keys of requests come from, and that they may change while the process runs."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from s4_node.s3.bucket import Bucket
from s4_node.s3.errors import Forbidden, NoCredentials
from s4_node.s3.keys import Keys, KeySource, key_source
from s4_node.s3.values import Store
from support.scripted_http import Asked, Reply, ScriptedHttp, error, scripted_http

FOUND = Reply(headers={"ETag": '"e"'}, body=b"found")
ROLE = "latest/meta-data/iam/security-credentials/"


@pytest.fixture(autouse=True)
def no_keys_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "CONFIG_FILE"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "shared"))


@pytest.fixture
def chained(scripted: ScriptedHttp) -> Bucket:
    return Bucket(Store("shares", endpoint=scripted.endpoint))


def written(path: Path, key: str, profile: str = "default", token: str = "") -> None:
    lines = [f"[{profile}]", f"aws_access_key_id = {key}", f"aws_secret_access_key = secret-of-{key}"]
    path.write_text("\n".join([*lines, f"aws_session_token = {token}" if token else "", ""]))


def key_of(asked: Asked) -> str:
    """The access key that signed a request."""
    return asked.headers["authorization"].partition("Credential=")[2].partition("/")[0]


def keys_used(scripted: ScriptedHttp) -> list[str]:
    return [key_of(asked) for asked in scripted.asked]


class Machine:
    """A machine's metadata service (IMDSv2), whose role has other keys each time it is asked."""

    def __init__(self, service: ScriptedHttp, valid: timedelta) -> None:
        self.service, self.valid, self.handed_out, self.is_down = service, valid, 0, False
        service.script.extend([self.answer] * 1000)

    def answer(self, asked: Asked) -> Reply:
        if self.is_down:
            return Reply(500)
        if asked.method == "PUT":
            return Reply(body=b"a-session")
        if asked.headers.get("x-aws-ec2-metadata-token") != "a-session":
            return Reply(401)
        if asked.path.endswith(ROLE):
            return Reply(body=b"storage-role")
        self.handed_out += 1
        keys = {
            "Code": "Success",
            "AccessKeyId": f"ASIA{self.handed_out}",
            "SecretAccessKey": "from-the-machine",
            "Token": f"token-{self.handed_out}",
            "Expiration": (datetime.now(UTC) + self.valid).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return Reply(body=json.dumps(keys).encode())


@pytest.fixture
def machine_valid_for(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Callable[[timedelta], Machine]:
    def start(valid: timedelta) -> Machine:
        running = scripted_http()
        service = running.__enter__()
        request.addfinalizer(lambda: running.__exit__(None, None, None))
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", service.endpoint + "/")
        return Machine(service, valid)

    return start


def test_a_file_of_keys_is_read_again_when_it_changes(
    scripted_bucket: Bucket, scripted: ScriptedHttp, keys_file: Path
) -> None:
    scripted.answers(*[FOUND] * 3)
    scripted_bucket.get("one")
    written(keys_file, "AKIASECOND", token="a-token")
    scripted_bucket.get("one")
    scripted_bucket.get("one")
    assert keys_used(scripted) == ["AKIAFIRST", "AKIASECOND", "AKIASECOND"]
    assert "x-amz-security-token" not in scripted.asked[0].headers
    assert scripted.asked[1].headers["x-amz-security-token"] == "a-token"


@pytest.mark.parametrize("content", ["", "[default]\naws_access", "[other]\nx = y\n"])
def test_a_file_that_is_being_written_takes_no_keys_away(
    scripted_bucket: Bucket, scripted: ScriptedHttp, keys_file: Path, content: str
) -> None:
    scripted.answers(*[FOUND] * 3)
    scripted_bucket.get("one")
    keys_file.write_text(content)
    scripted_bucket.get("one")
    written(keys_file, "AKIASECOND")
    scripted_bucket.get("one")
    assert keys_used(scripted) == ["AKIAFIRST", "AKIAFIRST", "AKIASECOND"]


def test_a_file_that_comes_later_is_found(scripted: ScriptedHttp, tmp_path: Path) -> None:
    bucket = Bucket(Store("shares", endpoint=scripted.endpoint, credentials=f"file:{tmp_path}/later"))
    with pytest.raises(NoCredentials):
        bucket.get("one")
    written(tmp_path / "later", "AKIALATER")
    scripted.answers(FOUND)
    assert bucket.get("one").body == b"found"


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidAccessKeyId", "InvalidToken"])
def test_refused_keys_are_replaced_and_the_request_is_sent_again(
    scripted_bucket: Bucket, scripted: ScriptedHttp, keys_file: Path, code: str
) -> None:
    def rotate(asked: Asked) -> Reply:
        written(keys_file, "AKIASECOND")
        return error(400, code)

    scripted.answers(rotate, FOUND)
    assert scripted_bucket.get("one").body == b"found"
    assert keys_used(scripted) == ["AKIAFIRST", "AKIASECOND"]


def test_refused_keys_that_nothing_replaces_are_forbidden_at_once(
    scripted_bucket: Bucket, scripted: ScriptedHttp
) -> None:
    scripted.answers(error(400, "ExpiredToken"), FOUND)
    with pytest.raises(Forbidden):
        scripted_bucket.get("one")
    assert len(scripted.asked) == 1


def test_new_keys_that_are_refused_too_are_forbidden(
    scripted_bucket: Bucket, scripted: ScriptedHttp, keys_file: Path
) -> None:
    def rotate(asked: Asked) -> Reply:
        written(keys_file, f"AKIA{len(scripted.asked)}")
        return error(400, "ExpiredToken")

    scripted.answers(*[rotate] * 5)
    with pytest.raises(Forbidden):
        scripted_bucket.get("one")
    assert len(scripted.asked) == 2


def test_keys_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, chained: Bucket, scripted: ScriptedHttp
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
    scripted.answers(FOUND)
    chained.get("one")
    assert keys_used(scripted) == ["AKIAENV"]


def test_a_shared_file_in_the_chain_is_read_again_when_it_changes(
    chained: Bucket, scripted: ScriptedHttp, tmp_path: Path
) -> None:
    scripted.answers(FOUND, FOUND)
    for key in ("AKIAONE", "AKIATWO"):
        written(tmp_path / "shared", key)
        chained.get("one")
    assert keys_used(scripted) == ["AKIAONE", "AKIATWO"]


def test_a_profile_is_found_by_its_name(scripted: ScriptedHttp, tmp_path: Path) -> None:
    written(tmp_path / "shared", "AKIAPROFILE", profile="storage")
    scripted.answers(FOUND)
    Bucket(Store("shares", endpoint=scripted.endpoint, credentials="profile:storage")).get("one")
    assert keys_used(scripted) == ["AKIAPROFILE"]
    with pytest.raises(NoCredentials) as raised:
        Bucket(Store("shares", endpoint=scripted.endpoint, credentials="profile:other")).get("one")
    assert raised.value.code == "ProfileNotFound"


def test_a_machine_hands_out_the_keys_of_its_role_once_for_many_buckets(
    machine_valid_for: Callable[[timedelta], Machine], scripted: ScriptedHttp
) -> None:
    machine = machine_valid_for(timedelta(hours=6))
    scripted.answers(*[FOUND] * 100)
    for number in range(100):
        Bucket(Store(f"bucket-{number}", endpoint=scripted.endpoint)).get("one")
    assert set(keys_used(scripted)) == {"ASIA1"}
    assert scripted.asked[0].headers["x-amz-security-token"] == "token-1"
    assert machine.handed_out == 1
    assert len(scripted.connections) == 1


def test_keys_of_a_machine_that_s3_refuses_are_asked_for_again(
    machine_valid_for: Callable[[timedelta], Machine], chained: Bucket, scripted: ScriptedHttp
) -> None:
    machine = machine_valid_for(timedelta(hours=6))
    scripted.answers(FOUND, error(400, "ExpiredToken"), FOUND)
    for _ in range(2):
        chained.get("one")
    assert keys_used(scripted) == ["ASIA1", "ASIA1", "ASIA2"]
    assert machine.handed_out == 2


def test_a_machine_that_does_not_answer_takes_no_keys_away(
    machine_valid_for: Callable[[timedelta], Machine], chained: Bucket, scripted: ScriptedHttp
) -> None:
    machine = machine_valid_for(timedelta(minutes=5))
    scripted.answers(*[FOUND] * 3)
    chained.get("one")
    machine.is_down = True
    for _ in range(2):
        chained.get("one")
    assert len(scripted.asked) == 3


def test_a_machine_without_a_role_is_asked_no_more_for_a_while(
    machine_valid_for: Callable[[timedelta], Machine], chained: Bucket
) -> None:
    machine = machine_valid_for(timedelta(hours=6))
    machine.is_down = True
    with pytest.raises(NoCredentials):
        chained.get("one")
    asked = len(machine.service.asked)
    for _ in range(10):
        with pytest.raises(NoCredentials):
            chained.get("one")
    assert len(machine.service.asked) == asked


def of_the_pod(number: int, valid: timedelta) -> Reply:
    until = (datetime.now(UTC) + valid).strftime("%Y-%m-%dT%H:%M:%SZ")
    keys = {"AccessKeyId": f"ASIAPOD{number}", "SecretAccessKey": "s", "Token": "of-the-pod", "Expiration": until}
    return Reply(body=json.dumps(keys).encode())


def test_keys_of_a_containers_agent_are_renewed_before_they_end(
    monkeypatch: pytest.MonkeyPatch, chained: Bucket, scripted: ScriptedHttp
) -> None:
    scripted.answers(*[FOUND] * 4)
    with scripted_http() as agent:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.endpoint + "/v1/credentials")
        soon, late = timedelta(minutes=5), timedelta(hours=6)
        agent.answers(of_the_pod(1, soon), of_the_pod(2, soon), of_the_pod(3, late))
        for _ in range(4):
            chained.get("one")
    assert keys_used(scripted)[2:] == ["ASIAPOD3"] * 2
    assert len(agent.asked) == 3


def test_keys_come_from_a_web_identity(
    monkeypatch: pytest.MonkeyPatch, chained: Bucket, scripted: ScriptedHttp, tmp_path: Path
) -> None:
    (tmp_path / "identity").write_text("of-the-pod")
    until = (datetime.now(UTC) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = f"""<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
      <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAWEB</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
      <SessionToken>t</SessionToken><Expiration>{until}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
      </AssumeRoleWithWebIdentityResponse>"""
    with scripted_http() as sts:
        sts.answers(Reply(headers={"Content-Type": "text/xml"}, body=answer.encode()))
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "identity"))
        monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/storage")
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.endpoint)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        scripted.answers(FOUND)
        chained.get("one")
    assert keys_used(scripted) == ["ASIAWEB"]


def test_an_identity_that_sts_refuses_is_no_credentials(
    monkeypatch: pytest.MonkeyPatch, chained: Bucket, tmp_path: Path
) -> None:
    (tmp_path / "identity").write_text("of-the-pod")
    refusal = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>SECRET</Message></Error></ErrorResponse>"
    with scripted_http() as sts:
        sts.answers(*[Reply(403, body=refusal)] * 9)
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "identity"))
        monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/storage")
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.endpoint)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with pytest.raises(NoCredentials) as raised:
            chained.get("one")
    assert str(raised.value) == "get: ClientError"


def test_keys_show_nothing_of_themselves() -> None:
    assert repr(Keys("AKIASHOWN", "secret", "token")) == "Keys(...)"


def test_one_source_serves_every_bucket_that_names_it() -> None:
    assert isinstance(key_source("chain"), KeySource)
    assert key_source("chain") is key_source("chain")
    assert key_source("file:/a") is not key_source("file:/b")
