"""What is refused before anything is done: the wrong environment, account, name; production without its name."""

import json
import stat

import pytest

from support.cluster_desk import Desk
from support.grid_cloud import Cloud

pytestmark = pytest.mark.long  # each command starts several programs


def test_production_asked_for_with_the_spec_of_staging_is_refused(desk: Desk) -> None:
    status, text = desk.s4("create", "production", "--spec", "ops/clusters/staging.yaml")

    assert (status, "wrong-environment asked=production spec=staging" in text) == (1, True)


def test_credentials_of_another_account_are_refused(desk: Desk) -> None:
    desk.change("staging", account="999900001111")

    assert "wrong-account spec=999900001111 credentials=123456789012" in desk.s4("create", "staging")[1]


@pytest.mark.usefixtures("hosted_zone")
def test_production_wants_its_name_once_more_and_everything_a_reason(desk: Desk, zone: str) -> None:
    for words in (("--yes",), ("--yes", "--note", "new"), ("--yes", "--note", "new", "--confirm", f"staging.{zone}")):
        status, text = desk.s4("create", "production", *words)
        assert status == 1, text
    assert desk.events() == []

    assert desk.s4("create", "production", "--yes", "--note", "new", "--confirm", f"production.{zone}")[0] == 0
    audit = [json.loads(line) for line in (desk.folder / "audit.jsonl").read_text().splitlines()]
    assert [(each["command"], each["outcome"], each["what"]) for each in audit] == [
        ("cluster create", "began", f"production.{zone}"),
        ("cluster create", "done", f"production.{zone}"),
    ]


def test_without_its_dns_zone_no_cluster_is_begun(desk: Desk, zone: str) -> None:
    status, text = desk.s4("create", "staging", "--yes", "--note", "new")

    assert status == 1
    assert f"no-dns-zone zone={zone} make_it_by=ops/aws/foundation.yaml" in text
    assert desk.events() == []


@pytest.mark.usefixtures("hosted_zone")
def test_a_bucket_of_somebody_else_is_not_used(desk: Desk, cloud: Cloud) -> None:
    cloud.break_next("error", action="HeadBucket", code="403", status=403, message="Forbidden")

    status, text = desk.s4("create", "staging", "--yes", "--note", "new")

    assert (status, "bucket-not-ours" in text) == (1, True), text
    assert desk.events() == []


@pytest.mark.usefixtures("hosted_zone")
def test_without_kops_it_is_said_what_is_missing(desk: Desk, cloud: Cloud) -> None:
    cloud.client("s3").create_bucket(Bucket=f"{desk.label}-state")
    (desk.folder / "bin" / "kops").unlink()

    assert "program-missing program=kops see=docs/operations/cluster.md" in desk.s4("create", "staging")[1]


@pytest.mark.usefixtures("hosted_zone")
def test_a_key_for_ssh_is_made_once_and_only_its_owner_reads_it(desk: Desk) -> None:
    desk.change("staging", ssh="generated")
    desk.done("create", "staging")
    (key,) = desk.folder.glob(".s4/clusters/*/ssh-key")
    before = key.read_bytes()

    desk.done("create", "staging")

    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_bytes() == before
    public = key.with_suffix(".pub").read_text().strip()
    assert public.startswith("ssh-ed25519 ")
    assert public in (desk.kops / "state.json").read_text()
    assert "PRIVATE KEY" not in (desk.kops / "state.json").read_text()


@pytest.mark.usefixtures("hosted_zone")
def test_creating_is_done_again_wherever_it_was_cut_off(desk: Desk) -> None:
    for place in ("replace", "update", "validate"):
        desk.fail_at(place)
        assert desk.s4("create", "staging", "--yes", "--note", "new")[0] == 1, place

    desk.done("create", "staging")

    events = desk.events()
    assert len(events) == len(set(events)) == 4


def test_only_one_of_kops_own_clusters_is_made_by_these_commands(desk: Desk) -> None:
    desk.change("staging", way="managed")

    assert "not-made-by-kops" in desk.s4("create", "staging")[1]
