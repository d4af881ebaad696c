"""The container image of the node is what the pods count on."""

import re
from pathlib import Path

from s4_provisioner.drivers.clusters import Cluster
from s4_provisioner.drivers.pods import pod_spec

ROOT = Path(__file__).parents[4]
BUILT = (ROOT / "libs" / "node" / "Containerfile").read_text()
LAST = BUILT.rpartition("\nFROM ")[2]
SPEC = pod_spec(specification="g", keys="k", port=31001, image="i", zone=None, cluster=Cluster())


def test_it_runs_as_the_user_that_the_pod_names() -> None:
    context = SPEC["securityContext"]

    assert f"USER {context['runAsUser']}:{context['runAsGroup']}" in LAST
    assert context["runAsUser"] == context["fsGroup"] != 0


def test_it_runs_the_program_whose_words_the_pod_gives() -> None:
    (container,) = SPEC["containers"]

    assert 'ENTRYPOINT ["s4-node"]' in LAST
    assert "command" not in container
    assert container["args"][0] == "pod"


def test_what_it_writes_to_is_mounted() -> None:
    (container,) = SPEC["containers"]
    written = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}

    assert written == {"/var/lib/s4", "/tmp"}  # noqa: S108  the container's own
    assert "HOME=/var/lib/s4" in LAST


def test_no_compiler_and_nothing_of_the_build_is_in_it() -> None:
    assert BUILT.count("\nFROM ") == 2
    assert re.findall(r"COPY (.*) /opt/s4/node", LAST) == [
        "--from=build /opt/s4/node",
        "--from=build /ours/opt/s4/node",
    ]
    assert LAST.count("COPY") == 2


def test_every_package_is_pinned_with_its_hash() -> None:
    installs = re.findall(r" install [^&\n]*", BUILT.replace("\\\n", ""))
    downloads = [options for options in installs if "--requirement" in options]

    assert len(downloads) == 2
    assert all("--require-hashes" in options for options in downloads)
    assert all("--no-index" in options for options in installs if " s4-node" in options)
