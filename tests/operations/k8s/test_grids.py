"""What an administrator adds for grids in pods, and what is applied for the registry and for images that may run."""

import pytest

from support.manifests import confined, edges, render, schemas


@pytest.mark.parametrize("folder", ["grids", "registry", "policies", "examples/grids-in-pods", "examples/traces"])
def test_every_object_is_as_its_schema_says(folder: str) -> None:
    assert list(schemas.mistakes(render(folder))) == []


def test_the_registry_is_confined_like_everything_else() -> None:
    given = render("registry")
    rules = (confined.nobody_is_root, confined.nothing_is_privileged, confined.no_root_is_writable)
    assert [problem for rule in rules for problem in rule(given)] == []


def test_only_the_provisioner_is_given_a_token_where_grids_are_in_pods() -> None:
    problems = list(confined.tokens_are_for_those_who_need_them(render("examples/grids-in-pods")))
    assert problems == ["Deployment provisioner is given a token for the API server"]


def test_only_the_provisioner_reaches_the_api_server_where_grids_are_in_pods() -> None:
    before = edges.network(render("overlays/production")).outward
    after = edges.network(render("examples/grids-in-pods")).outward
    assert after - before == {("provisioner", "6443")}


def test_the_account_that_grids_rights_are_given_to_is_the_provisioners() -> None:
    (bound,) = render("grids").of("ClusterRoleBinding")
    (subject,) = bound["subjects"]
    deployment = render("overlays/production").named("Deployment", "provisioner")
    pod = deployment["spec"]["template"]["spec"]
    assert (subject["namespace"], subject["name"]) == (deployment["metadata"]["namespace"], pod["serviceAccountName"])
