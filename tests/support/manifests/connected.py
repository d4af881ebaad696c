"""Names that must fit each other, and what must be there because something else names it."""

from collections.abc import Iterator

from support.manifests.rendering import Manifests, Object, title

Keys = dict[str, frozenset[str]]
# Made by Kubernetes and by cert-manager beside the objects that we write.
_OF_THE_CLUSTER = {"kube-root-ca.crt": frozenset({"ca.crt"})}
_CERTIFICATE = frozenset({"tls.crt", "tls.key", "ca.crt"})


def made_secrets(given: Manifests) -> Keys:
    """The Secrets that controllers make from these objects, and their keys."""
    made: Keys = {}
    for one in given.of("ExternalSecret"):
        keys = frozenset(each["secretKey"] for each in one["spec"]["data"])
        made[one["spec"]["target"]["name"]] = keys | frozenset(
            one["spec"]["target"].get("template", {}).get("data", {})
        )
    for one in given.of("Certificate"):
        made[one["spec"]["secretName"]] = _CERTIFICATE
    for one in given.of("Cluster"):
        made[f"{one['metadata']['name']}-ca"] = frozenset({"ca.crt", "ca.key"})
    return made


def selectors_fit(given: Manifests) -> Iterator[str]:
    for one in given.of("Deployment", "StatefulSet"):
        wanted = one["spec"]["selector"]["matchLabels"]
        if not wanted.items() <= one["spec"]["template"]["metadata"]["labels"].items():
            yield f"{title(one)} does not select its own pods"


def services_lead_somewhere(given: Manifests) -> Iterator[str]:
    for service in given.of("Service"):
        selector = service["spec"].get("selector")
        if not selector or "cnpg.io/cluster" in selector:
            continue
        hit = [pod for _, pod in given.pods() if selector.items() <= pod["metadata"]["labels"].items()]
        if not hit:
            yield f"{title(service)} leads to no pod"
        for pod in hit:
            names = {port["name"] for each in pod["spec"]["containers"] for port in each.get("ports", ())}
            for port in service["spec"]["ports"]:
                if port["targetPort"] not in names:
                    yield f"{title(service)} leads to port {port['targetPort']}, which the pod has not"
    for ingress in given.of("Ingress"):
        yield from _backends(given, ingress)


def _backends(given: Manifests, ingress: Object) -> Iterator[str]:
    ports = {(one["metadata"]["name"], port["name"]) for one in given.of("Service") for port in one["spec"]["ports"]}
    for rule in ingress["spec"]["rules"]:
        for path in rule["http"]["paths"]:
            to = path["backend"]["service"]
            if (to["name"], to["port"]["name"]) not in ports:
                yield f"{title(ingress)} leads to {to['name']}, port {to['port']['name']}, which is not there"


def accounts_are_there(given: Manifests) -> Iterator[str]:
    there = {one["metadata"]["name"] for one in given.of("ServiceAccount")}
    for owner, template in given.pods():
        if template["spec"].get("serviceAccountName") not in there:
            yield f"{owner} runs as an account that is not there"


def what_is_mounted_is_there(given: Manifests, by_hand: Keys) -> Iterator[str]:
    """``by_hand``: Secrets that a person makes by a documented command."""
    secrets = made_secrets(given) | by_hand
    maps = {one["metadata"]["name"]: frozenset(one.get("data", {})) for one in given.of("ConfigMap")} | _OF_THE_CLUSTER
    for owner, template in given.pods():
        for kind, name, keys in _references(template["spec"]):
            there = (secrets if kind == "Secret" else maps).get(name)
            if there is None:
                yield f"{owner} needs the {kind} {name}, which nothing makes"
            elif missing := keys - there:
                yield f"{owner} needs {', '.join(sorted(missing))} in the {kind} {name}"


def _references(spec: Object) -> Iterator[tuple[str, str, frozenset[str]]]:
    for volume in spec.get("volumes", ()):
        for source in volume.get("projected", {}).get("sources", [volume]):
            for kind, field in (("Secret", "secret"), ("ConfigMap", "configMap")):
                if named := source.get(field):
                    items = frozenset(item["key"] for item in named.get("items", ()))
                    yield kind, named.get("secretName") or named["name"], items
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        yield from _variables(container)


def _variables(container: Object) -> Iterator[tuple[str, str, frozenset[str]]]:
    for source in container.get("envFrom", ()):
        yield "ConfigMap", source["configMapRef"]["name"], frozenset()
    for variable in container.get("env", ()):
        for kind, field in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
            if key := variable.get("valueFrom", {}).get(field):
                yield kind, key["name"], frozenset({key["key"]})


def no_secret_is_written_down(given: Manifests) -> Iterator[str]:
    for one in given.of("Secret"):
        if one.get("data") or one.get("stringData"):
            yield f"{title(one)} is a secret in the repository"


RULES = (selectors_fit, services_lead_somewhere, accounts_are_there, no_secret_is_written_down)
