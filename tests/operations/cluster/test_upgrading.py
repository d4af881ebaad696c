"""`s4 cluster upgrade`: group after group, and no further than the first that is ill."""

import json

import pytest

from support.cluster_desk import Desk
from support.healthy_cluster import healthy, node, thing

pytestmark = pytest.mark.long  # each command starts several programs

PLANES = [f"control-plane-us-east-1{letter}" for letter in "abc"]


def upgraded(desk: Desk, version: str = "1.33.1") -> None:
    """The spec wants another version, and kubectl says that the nodes have it."""
    desk.change("staging", kubernetes=version)
    desk.cluster_has(nodes=[node(f"n{number}", version) for number in range(5)])


def rolls(desk: Desk) -> list[str]:
    return [line.split()[1] for line in desk.events() if line.startswith("roll ")]


def test_the_control_plane_goes_first_and_then_each_group_of_nodes(standing: Desk) -> None:
    upgraded(standing)

    standing.done("upgrade", "staging")

    events = [line for line in standing.events() if "1.33.1" in line]
    assert rolls(standing) == [*PLANES, "nodes"]
    assert events.index("update nodes 1.33.1 2-6") > events.index(f"roll {PLANES[-1]} 1.33.1")


def test_it_stops_at_the_first_group_after_which_something_is_ill(standing: Desk) -> None:
    upgraded(standing)
    standing.fail_at("validate")

    status, text = standing.s4("upgrade", "staging", "--yes", "--note", "newer")

    assert status == 1
    assert "program-failed command=kops validate cluster" in text
    assert rolls(standing) == PLANES[:1]


def test_a_cluster_that_is_ill_is_not_upgraded(standing: Desk) -> None:
    upgraded(standing)
    standing.cluster_has(deployments=[thing("coredns", "kube-system", "Available")])

    status, text = standing.s4("upgrade", "staging", "--yes", "--note", "newer")

    assert (status, rolls(standing)) == (1, [])
    assert "cluster-is-ill when=before check=dashboard" in text


def test_cut_off_anywhere_it_is_done_again_and_no_machine_is_replaced_twice(standing: Desk) -> None:
    upgraded(standing)
    places = ["replace", "update", f"rolling-update {PLANES[1]}", "validate", "rolling-update nodes"]
    for place in places:
        standing.fail_at(place)
        assert standing.s4("upgrade", "staging", "--yes", "--note", "newer")[0] == 1, place

    standing.done("upgrade", "staging")

    assert rolls(standing) == [*PLANES, "nodes"]


def test_versions_go_up_by_one_minor_version_and_never_back(standing: Desk) -> None:
    for version, code in (("1.34.0", "one-minor-version-at-a-time"), ("1.31.0", "no-way-back")):
        standing.change("staging", kubernetes=version)
        status, text = standing.s4("upgrade", "staging")
        assert (status, code in text) == (1, True), text


def test_only_an_upgrade_brings_another_version(standing: Desk) -> None:
    standing.change("staging", kubernetes="1.33.1")

    assert "another-version" in standing.s4("create", "staging")[1]
    assert "another-version" in standing.s4("resize", "staging", "nodes", "--min", "3", "--max", "6")[1]


def test_what_would_change_is_shown_first(standing: Desk) -> None:
    before = standing.events()
    upgraded(standing)

    status, text = standing.s4("upgrade", "staging")

    assert status == 0
    assert "spec.kubernetesVersion: 1.32.4 -> 1.33.1" in text
    assert "--instance-group nodes --fail-on-drain-error --fail-on-validate-error" in text
    assert standing.events() == before


def test_every_node_must_have_the_version_in_the_end(standing: Desk) -> None:
    upgraded(standing)
    standing.cluster_has(nodes=healthy()["nodes"])

    status, text = standing.s4("upgrade", "staging", "--yes", "--note", "newer")

    assert status == 1
    assert "cluster-is-ill when=after all check=nodes first=n0 runs v1.32.4" in text
    audit = [json.loads(line) for line in (standing.folder / "audit.jsonl").read_text().splitlines()]
    assert audit[-1]["outcome"] == "failed"
    assert audit[-1]["code"] == "cluster-is-ill"
