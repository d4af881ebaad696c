"""`s4 cluster delete`: nothing of S4's goes with it unsaid."""

import re

import pytest

from support.cluster_desk import Desk
from support.grid_cloud import Cloud
from support.healthy_cluster import pod, volume

pytestmark = pytest.mark.long  # each command starts several programs


def test_an_empty_cluster_is_deleted(standing: Desk) -> None:
    standing.done("delete", "staging")

    assert standing.events()[-1].startswith("delete staging.")
    assert list(standing.folder.glob(".s4/clusters/*/kubeconfig")) == []


def test_what_would_be_lost_is_named_and_kept(standing: Desk) -> None:
    standing.cluster_has(pods=[pod("web-1", "s4")], persistentvolumes=[volume("pv-1", "data-rabbitmq-0")])

    status, text = standing.s4("delete", "staging", "--yes", "--note", "no more")

    assert status == 1
    assert "would be lost: namespace s4: 1 pods" in text
    assert "would be lost: volume pv-1 of s4/data-rabbitmq-0 (its disk is kept)" in text
    assert "would-be-lost count=2 give=--force" in text
    assert not [line for line in standing.events() if line.startswith("delete")]
    standing.done("delete", "staging", "--force")


def test_disks_that_were_made_for_claims_are_named_even_when_the_cluster_does_not_answer(
    standing: Desk, cloud: Cloud, zone: str
) -> None:
    tags = {"KubernetesCluster": f"staging.{zone}", "kubernetes.io/created-for/pvc/name": "data"}
    told = [{"ResourceType": "volume", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]
    made = cloud.client("ec2").create_volume(
        AvailabilityZone="us-east-1a", Size=7, Encrypted=True, TagSpecifications=told
    )
    (standing.kubectl / "unreachable").touch()

    text = standing.s4("delete", "staging", "--yes", "--note", "no more")[1]

    assert f"disk {made['VolumeId']} (7 GiB) of data" in text


def test_cut_off_it_is_done_again_and_a_third_time_changes_nothing(standing: Desk) -> None:
    standing.fail_at("delete")
    assert standing.s4("delete", "staging", "--yes", "--note", "no more")[0] == 1

    standing.done("delete", "staging")
    standing.done("delete", "staging")

    assert [line.split(".")[0] for line in standing.events()[-3:]][-1] == "delete staging"


def name_of_new(desk: Desk, *more: str) -> str:
    """A throw-away cluster is made; its name."""
    text = desk.done("create", "throwaway", *more)
    return str(re.findall(r"throwaway-[a-z2-9]{6}\.\S+", text)[0])


@pytest.mark.usefixtures("hosted_zone")
def test_throwaway_clusters_whose_time_is_over_are_found_and_deleted(desk: Desk) -> None:
    kept, over = name_of_new(desk, "--for", "2d"), name_of_new(desk)
    assert kept != over
    # Made again for no time to speak of: as if eight hours had gone by.
    state = desk.kops / "state.json"
    ends = re.findall(r'"s4:expires": "([^"]+)"', state.read_text())
    state.write_text(state.read_text().replace(min(ends), "2026-01-01T00:00:00Z"))
    listed = desk.s4("list", "throwaway")[1]
    assert f"{over}  throwaway  until 2026-01-01T00:00:00Z (over)" in listed

    assert f"delete {over}" not in desk.events()
    desk.s4("delete", "throwaway", "--expired")
    assert f"delete {over}" not in desk.events()
    desk.done("delete", "throwaway", "--expired")

    assert [line for line in desk.events() if line.startswith("delete throwaway")] == [f"delete {over}"]
    assert "no throw-away cluster's time is over" in desk.s4("delete", "throwaway", "--expired")[1]


@pytest.mark.usefixtures("hosted_zone")
def test_a_throwaway_cluster_is_small_and_has_an_end(desk: Desk) -> None:
    name = name_of_new(desk, "--for", "3h")
    state = (desk.kops / "state.json").read_text()

    assert f'"name": "{name}"' in state
    assert '"s4:environment": "throwaway"' in state
    assert "lasts-too-long most=14d" in desk.s4("create", "throwaway", "--for", "15d")[1]


@pytest.mark.usefixtures("hosted_zone")
def test_a_throwaway_cluster_that_was_cut_off_is_gone_on_with_by_its_name(desk: Desk, zone: str) -> None:
    name = f"throwaway-abcdef.{zone}"
    desk.fail_at("update")
    assert desk.s4("create", "throwaway", "--name", name, "--yes", "--note", "a trial")[0] == 1

    desk.done("create", "throwaway", "--name", name)

    assert [line for line in desk.events() if line.startswith("update nodes")] == ["update nodes 1.32.4 1-2"]
