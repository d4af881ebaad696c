"""What a pod may do, and how much it may take."""

from collections.abc import Iterator

from support.manifests.rendering import Manifests, Object


def nobody_is_root(given: Manifests) -> Iterator[str]:
    for owner, template in given.pods():
        security = template["spec"].get("securityContext", {})
        if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
            yield f"{owner} may run as root"


def nothing_is_privileged(given: Manifests) -> Iterator[str]:
    for owner, template in given.pods():
        spec = template["spec"]
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            if spec.get(field):
                yield f"{owner} has {field}"
        for volume in spec.get("volumes", ()):
            if "hostPath" in volume:
                yield f"{owner} mounts a folder of its node"
    for where, container in given.containers():
        security = container.get("securityContext", {})
        if security.get("privileged"):
            yield f"{where} is privileged"
        if security.get("allowPrivilegeEscalation") is not False:
            yield f"{where} may gain privileges"
        if security.get("capabilities", {}) != {"drop": ["ALL"]}:
            yield f"{where} keeps capabilities"


def calls_are_filtered(given: Manifests) -> Iterator[str]:
    for owner, template in given.pods():
        security = template["spec"].get("securityContext", {})
        if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{owner} has no seccomp profile"


def no_root_is_writable(given: Manifests) -> Iterator[str]:
    for where, container in given.containers():
        if container.get("securityContext", {}).get("readOnlyRootFilesystem") is not True:
            yield f"{where} can write to its image"


def everything_is_measured(given: Manifests) -> Iterator[str]:
    for where, container in given.containers():
        for side in ("requests", "limits"):
            missing = {"cpu", "memory", "ephemeral-storage"} - set(container.get("resources", {}).get(side, {}))
            if missing:
                yield f"{where} has no {side} of {', '.join(sorted(missing))}"
    for owner, template in given.pods():
        for volume in template["spec"].get("volumes", ()):
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{owner}: volume {volume['name']} may fill its node"


def tokens_are_for_those_who_need_them(given: Manifests) -> Iterator[str]:
    for owner, template in given.pods():
        if template["spec"].get("automountServiceAccountToken") is not False:
            yield f"{owner} is given a token for the API server"
        if template["spec"].get("enableServiceLinks") is not False:
            yield f"{owner} is told of Services by variables that are no settings"


def servers_are_probed(given: Manifests) -> Iterator[str]:
    for owner, template in given.pods():
        if owner.startswith(("Job ", "CronJob ")):
            continue
        for container in template["spec"]["containers"]:
            missing = {"startupProbe", "readinessProbe", "livenessProbe"} - set(container)
            if missing:
                yield f"{owner} has no {', '.join(sorted(missing))}"
            yield from _unknown_ports(owner, container)


def _unknown_ports(owner: str, container: Object) -> Iterator[str]:
    names = {port["name"] for port in container.get("ports", ())}
    for field, probe in container.items():
        asked = probe.get("httpGet") or probe.get("tcpSocket") if field.endswith("Probe") else None
        if asked and asked["port"] not in names:
            yield f"{owner}: {field} asks at port {asked['port']}, which is not there"


RULES = (
    nobody_is_root,
    nothing_is_privileged,
    calls_are_filtered,
    no_root_is_writable,
    everything_is_measured,
    tokens_are_for_those_who_need_them,
    servers_are_probed,
)
