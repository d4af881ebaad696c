"""What must be true of every object that we apply, and that each rule can say no."""

import copy
import re
from collections.abc import Callable, Iterator

import pytest

from s4_devcloud.kubernetes.pod_security import violations
from support.manifests import K8S, Manifests, Object, available, confined, connected, in_environment, pinned

ENVIRONMENTS = ("local", "staging", "production")
Rule = Callable[[Manifests], Iterator[str]]
RULES: tuple[Rule, ...] = (*confined.RULES, *available.RULES, *connected.RULES)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_object_obeys(rule: Rule, environment: str) -> None:
    assert list(rule(in_environment(environment))) == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_pod_meets_the_restricted_standard(environment: str) -> None:
    """By the local cluster's own admission, which knows nothing of the rules here."""
    pods = in_environment(environment).pods()
    assert {owner: found for owner, template in pods if (found := violations(template["spec"]))} == {}


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_only_reviewed_images_run_in_the_cloud(environment: str) -> None:
    assert list(pinned.images_are_digests(in_environment(environment))) == []


def test_a_placeholder_is_called_not_deployed_yet() -> None:
    def deployed(web: Object) -> None:
        _container(web)["image"] = "registry.s4.example/s4-web@sha256:" + "1f" * 32

    before = pinned.not_deployed_yet(in_environment("staging"))
    after = pinned.not_deployed_yet(changed("Deployment", "web", deployed))
    assert all(image.startswith("registry.s4.example/") for image in before)
    assert "registry.s4.example/s4-web@sha256:" + "1f" * 32 not in after


def changed(kind: str, name: str, change: Callable[[Object], None]) -> Manifests:
    """Staging with one mistake in it."""
    objects = copy.deepcopy(in_environment("staging").objects)
    (found,) = (one for one in objects if (one["kind"], one["metadata"]["name"]) == (kind, name))
    change(found)
    return Manifests(objects)


def _pod(one: Object) -> Object:
    found: Object = one["spec"]["template"]["spec"]
    return found


def _container(one: Object) -> Object:
    found: Object = _pod(one)["containers"][0]
    return found


def _image(text: str) -> Callable[[Object], None]:
    return lambda one: _container(one).update(image=text)


def _label(one: Object) -> None:
    one["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] = "wbe"


MISTAKES: dict[str, tuple[Rule, str, str, Callable[[Object], None], str]] = {
    "root": (
        confined.nobody_is_root,
        "Deployment",
        "web",
        lambda one: _pod(one)["securityContext"].update(runAsUser=0),
        "may run as root",
    ),
    "privileged": (
        confined.nothing_is_privileged,
        "Deployment",
        "billing",
        lambda one: _container(one)["securityContext"].update(privileged=True),
        "is privileged",
    ),
    "a migration may gain privileges": (
        confined.nothing_is_privileged,
        "Job",
        "migrate-web-unreleased",
        lambda one: _container(one)["securityContext"].pop("allowPrivilegeEscalation"),
        "may gain privileges",
    ),
    "capability": (
        confined.nothing_is_privileged,
        "Deployment",
        "web",
        lambda one: _container(one)["securityContext"]["capabilities"].update(add=["NET_ADMIN"]),
        "keeps capabilities",
    ),
    "folder of the node": (
        confined.nothing_is_privileged,
        "Deployment",
        "web",
        lambda one: _pod(one)["volumes"].append({"name": "etc", "hostPath": {"path": "/etc"}}),
        "folder of its node",
    ),
    "writable": (
        confined.no_root_is_writable,
        "Deployment",
        "web",
        lambda one: _container(one)["securityContext"].update(readOnlyRootFilesystem=False),
        "can write",
    ),
    "no limit of memory": (
        confined.everything_is_measured,
        "Deployment",
        "web",
        lambda one: _container(one)["resources"]["limits"].pop("memory"),
        "no limits of memory",
    ),
    "token": (
        confined.tokens_are_for_those_who_need_them,
        "Deployment",
        "web",
        lambda one: _pod(one).pop("automountServiceAccountToken"),
        "given a token",
    ),
    "probe of a port that is not there": (
        confined.servers_are_probed,
        "Deployment",
        "web",
        lambda one: _container(one)["readinessProbe"]["httpGet"].update(port="porbes"),
        "not there",
    ),
    "no budget": (
        available.budgets_hold_evictions_back,
        "PodDisruptionBudget",
        "web",
        lambda one: one["spec"]["selector"]["matchLabels"].update({"app.kubernetes.io/name": "wbe"}),
        "web has not one",
    ),
    "killed while draining": (
        available.releases_interrupt_nobody,
        "Deployment",
        "billing",
        lambda one: _pod(one).update(terminationGracePeriodSeconds=30),
        "killed before",
    ),
    "fewer during a release": (
        available.releases_interrupt_nobody,
        "Deployment",
        "web",
        lambda one: one["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable=1),
        "fewer replicas",
    ),
    "replicas fixed": (
        available.autoscalers_are_one_each,
        "Deployment",
        "web",
        lambda one: one["spec"].update(replicas=3),
        "autoscaler decides",
    ),
    "somebody else's account": (
        available.accounts_are_their_own,
        "Deployment",
        "web",
        lambda one: _pod(one).update(serviceAccountName="s4-provisioner"),
        "own account",
    ),
    "label": (connected.selectors_fit, "Deployment", "web", _label, "its own pods"),
    "service to nowhere": (connected.services_lead_somewhere, "Deployment", "web", _label, "leads to no pod"),
    "port of a service": (
        connected.services_lead_somewhere,
        "Service",
        "billing",
        lambda one: one["spec"]["ports"][0].update(targetPort="htpt"),
        "htpt, which the pod has not",
    ),
    "tag instead of a digest": (
        pinned.images_are_digests,
        "Deployment",
        "web",
        _image("registry.s4.example/s4-web:1.2"),
        "no digest",
    ),
    "somebody else's registry": (
        pinned.images_are_digests,
        "Deployment",
        "web",
        _image("elsewhere.example/s4-web@sha256:" + "1f" * 32),
        "no digest",
    ),
    "short digest": (
        pinned.images_are_digests,
        "Deployment",
        "web",
        _image("registry.s4.example/s4-web@sha256:" + "1f" * 31),
        "no digest",
    ),
    "latest": (
        pinned.images_are_not_whatever_is_newest,
        "Deployment",
        "web",
        _image("s4-web:latest"),
        "whatever is newest",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_refused(name: str) -> None:
    rule, kind, of, mistake, said = MISTAKES[name]
    assert any(said in problem for problem in rule(changed(kind, of, mistake)))


def test_a_secret_in_the_repository_is_refused() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "web"}, "data": {"cookie-key": "c2VjcmV0"}}
    assert list(connected.no_secret_is_written_down(Manifests((secret,)))) == [
        "Secret web is a secret in the repository"
    ]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_there_is_one_of_moves_at_once_and_is_missed_by_an_alert(environment: str) -> None:
    for name in sorted(available.ALONE):
        given = in_environment(environment)
        spec = given.named("Deployment", name)["spec"]
        assert (spec["replicas"], spec["strategy"]["type"]) == (1, "Recreate")
        patience = {each["key"]: each["tolerationSeconds"] for each in spec["template"]["spec"]["tolerations"]}
        assert patience == {"node.kubernetes.io/not-ready": 30, "node.kubernetes.io/unreachable": 30}
        budget = given.named("PodDisruptionBudget", name)["spec"]
        assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
        rules = (K8S / "observability" / "rules" / "invites.yaml").read_text()
        assert {"alert: MailboxSilent", "alert: InvitesUnreachable"} <= set(re.findall(r"alert: \w+", rules))
