"""What the API server would say to each object: by Kubernetes's schemas, and by ours for the kinds of operators."""

import copy
from collections.abc import Callable

import pytest

from support.manifests import Manifests, Object, in_environment, schemas

PARTS = ("local", "staging", "production")


@pytest.mark.parametrize("environment", PARTS)
def test_every_object_is_as_its_schema_says(environment: str) -> None:
    assert list(schemas.mistakes(in_environment(environment))) == []


MISTAKES: dict[str, tuple[str, str, Callable[[Object], object], str]] = {
    "a field that is none": ("Deployment", "web", lambda one: one["spec"].update(replcias=2), "replcias"),
    "a text for a number": ("Service", "web", lambda one: one["spec"]["ports"][0].update(port="80"), "'80'"),
    "a field of an operator's kind that is none": (
        "ScaledObject",
        "billing",
        lambda one: one["spec"].update(minReplicas=2),
        "minReplicas",
    ),
    "a secret of the store without a key": (
        "ExternalSecret",
        "web",
        lambda one: one["spec"]["data"][0]["remoteRef"].pop("key"),
        "'key' is a required property",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_seen(name: str) -> None:
    kind, of, mistake, said = MISTAKES[name]
    given = Manifests(copy.deepcopy(in_environment("staging").objects))
    mistake(given.named(kind, of))
    assert any(said in problem for problem in schemas.mistakes(given))
