"""Where backups lie: rights that only add, disks that are full, makers that are killed."""

import asyncio
import json
import subprocess
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL

import pytest
from botocore.exceptions import ClientError

from s4_ops.backup.manifest import NAME
from s4_shop.wiring import SERVICES
from support.backed_up import Installation
from support.cloud import LocalCloud, code_of, enforced_permissions
from support.resolver import needs_namespaces
from support.waiting import until

pytestmark = pytest.mark.long
BUCKET = "s4-backups"
RIGHTS = json.loads((Path(__file__).parents[3] / "ops" / "aws" / "backup-writer.json").read_text())
FULL = 'mount -t tmpfs -o size=64k none "$0" && "$@"; status=$?; ls -A "$0"/*/; exit $status'


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    started = LocalCloud(tmp_path_factory.mktemp("cloud"), None, "--driver", "crowd")
    yield started
    assert started.stop() == 0


@pytest.fixture
def writer(cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, str]:
    """Keys of the role that backups are written with, in the profile ``backups``."""
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    iam = cloud.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="s4-backup-writer", AssumeRolePolicyDocument=document)["Role"]
    said = json.dumps(RIGHTS).replace("BUCKET", BUCKET)
    iam.put_role_policy(RoleName="s4-backup-writer", PolicyName="may", PolicyDocument=said)
    lent = cloud.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="backup")["Credentials"]
    keys = lent["AccessKeyId"], lent["SecretAccessKey"], lent["SessionToken"]
    file = tmp_path / "credentials"
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    file.write_text("[backups]\n" + "".join(f"{name} = {value}\n" for name, value in zip(names, keys, strict=True)))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    return keys


def test_who_backs_up_can_add_and_can_neither_read_nor_change_nor_remove(
    cloud: LocalCloud, writer: tuple[str, str, str], installation: Installation
) -> None:
    ready = cloud.ready
    settings = installation.configure(profile="backups", region=ready["region"], endpoint_url=ready["listen"])
    place = f"s3://{BUCKET}/production"

    with enforced_permissions(cloud):
        backup = installation.create(place, settings)
        its, key = cloud.client("s3", writer), f"production/{backup}/{NAME}"
        for deed, words in (
            (its.get_object, {"Key": key}),
            (its.list_objects_v2, {}),
            (its.delete_object, {"Key": key}),
            (its.put_object, {"Key": "elsewhere/x", "Body": b""}),
        ):
            with pytest.raises(ClientError) as error:
                deed(Bucket=BUCKET, **words)
            assert code_of(error) == "AccessDenied"
        assert "backup-place-refused" in installation.s4("list", "--from", place, settings=settings).err
        with pytest.raises(ClientError) as error:
            its.put_object(Bucket=BUCKET, Key=key, Body=b"another", IfNoneMatch="*")
        assert code_of(error) == "PreconditionFailed", "what is there stays, also without versions"
    told = installation.s4("verify", "--from", place, "--deep", "--identity", installation.identity, settings=settings)
    assert f"{backup} is whole" in told.out, told.err


def test_a_full_disk_stops_the_backup_and_leaves_none(installation: Installation, tmp_path: Path) -> None:
    needs_namespaces()
    folder = tmp_path / "full"
    folder.mkdir()

    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", FULL, folder, *create(installation, folder)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 75
    assert "backup-not-written" in done.stderr
    assert NAME not in done.stdout


async def test_a_backup_that_was_killed_is_none(installation: Installation, tmp_path: Path) -> None:
    folder, last = tmp_path / "b", "secrets/files.json.age"
    process = await asyncio.create_subprocess_exec(*create(installation, folder), stderr=DEVNULL, stdout=DEVNULL)
    await until(lambda: list(folder.glob("*/databases/*.age")), within=30, what="its first piece")
    process.send_signal(SIGKILL)
    await process.wait()

    told = installation.s4("list", "--from", folder, "--json").facts
    assert told["backups"] == []
    assert len(list(folder.glob(f"*/{last}"))) <= 1
    assert installation.s4("restore", "--from", folder, "--identity", installation.identity).status == 1


def test_the_role_that_reads_all_tables_is_enough(installation: Installation, tmp_path: Path) -> None:
    installation.sql("postgres", "create role backup login password 'words' in role pg_read_all_data")
    try:
        for service in SERVICES:
            installation.sql("postgres", f"revoke all on database {service} from public")
            installation.sql("postgres", f"grant connect on database {service} to backup")
        url = tmp_path / "url"
        url.write_text(installation.cluster.url(user="backup", password="words"))
        settings = installation.configure(server_url_file=str(url))

        installation.create(tmp_path / "b", settings)
    finally:
        for service in SERVICES:
            installation.sql("postgres", f"revoke all on database {service} from backup")
        installation.sql("postgres", "drop role backup")

    told = installation.s4("verify", "--from", tmp_path / "b", "--deep", "--identity", installation.identity)
    assert told.status == 0, told.err


def create(installation: Installation, to: Path) -> list[str]:
    """The command as a program of its own."""
    words = ("backup", "create", "--settings", installation.settings, "--to", to, "--recipient", installation.recipient)
    return [sys.executable, "-m", "s4_cli", *map(str, words)]
