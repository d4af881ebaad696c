"""compose.yaml, as far as the file tells."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from s4_ops.images.recipes import RECIPES, distributions
from s4_ops.images.recipes import SERVICES as NAMES
from s4_shop import wiring
from support.composed.file import DEVELOPED, ROOT, SERVICES, environment, is_one_shot, mounts, read

# What Compose 1.29 and today's both know.
KNOWN = {"build", "cap_drop", "command", "depends_on", "entrypoint", "env_file", "environment", "healthcheck"}
KNOWN |= {"hostname", "image", "init", "logging", "network_mode", "networks", "ports", "profiles", "read_only"}
KNOWN |= {"restart", "security_opt", "stop_grace_period", "stop_signal", "tmpfs", "user", "volumes"}
EXACT = re.compile(r"docker\.io/[a-z]+/[a-z]+:v?\d+(\.\d+){1,2}(-[a-z]+)?")


def test_both_generations_of_compose_know_every_word_of_it() -> None:
    for name in ("compose.yaml", "compose.develop.yaml"):
        whole = read(name)
        assert {key for key in whole if not key.startswith("x-")} <= {"services", "volumes"}
        for service, words in whole["services"].items():
            assert words.keys() <= KNOWN, service


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_says_when_it_is_well_or_runs_to_its_end(name: str) -> None:
    service = SERVICES[name]
    assert is_one_shot(service) != ("healthcheck" in service)
    assert service["restart"] == ("no" if is_one_shot(service) else "unless-stopped")


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_waited_for_until_it_is_well_or_done(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        wanted = "service_completed_successfully" if is_one_shot(SERVICES[other]) else "service_healthy"
        assert how == {"condition": wanted}, other


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_may_do_nothing_that_it_need_not(name: str) -> None:
    service = SERVICES[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


def test_images_are_ours_or_others_by_exact_version() -> None:
    built = {
        service["image"]: service["build"]["args"]["SERVICE"] for service in SERVICES.values() if "build" in service
    }
    assert {image: f"s4-{name}:local" for image, name in built.items()} == {image: image for image in built}
    assert set(built.values()) <= RECIPES.keys()
    for name, service in SERVICES.items():
        assert service["image"] in built or EXACT.fullmatch(service["image"]), name


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if "profiles" not in service])
def test_an_image_of_ours_is_built_before_anybody_needs_it(name: str) -> None:
    """Who finds none looks for one in a registry, which has none."""
    image = SERVICES[name]["image"]
    builders = {other for other, one in SERVICES.items() if one["image"] == image and "build" in one}
    assert len(builders) == (1 if image.startswith("s4-") else 0)
    assert builders <= before(name)


def test_no_secret_is_in_it() -> None:
    for name in ("compose.yaml", "compose.develop.yaml"):
        assert not re.search(r"(sk|pk)_test_\w|whsec_\w|-----BEGIN|://[^/\s]+:[^/\s]+@", (ROOT / name).read_text())
    for service in SERVICES.values():
        told = [name for name in environment(service) if re.search("PASSWORD|TOKEN|SECRET|_KEY", name)]
        assert all(name.endswith("_FILE") for name in told), told


def test_only_this_machine_reaches_what_is_published_and_each_at_its_own_port() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert len({port.split(":")[1] for port in published}) == len(published)


def test_ports_can_be_chosen_without_touching_the_file() -> None:
    text = (ROOT / "compose.yaml").read_text()
    assert not re.search(r"127\.0\.0\.1:\d+:\d+\"", text)
    for address in re.findall(r"http://localhost:\S+", text):
        assert address.startswith("http://localhost:${") or address.rstrip(".") in {
            "http://localhost:8080",
            "http://localhost:3456",
        }


@pytest.mark.parametrize("name", SERVICES)
def test_who_writes_to_memory_may_do_so_after_a_restart_too(name: str) -> None:
    """Docker 20.10 forgets a mode then; it knows the owner, and what /tmp has to be."""
    for place in SERVICES[name]["tmpfs"]:
        user, _, group = SERVICES[name].get("user", "").partition(":")
        assert place in {"/tmp", f"{place.partition(':')[0]}:uid={user},gid={group}"}  # noqa: S108  a container's own


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name: str) -> None:
    for source, writable in mounts(SERVICES[name]).values():
        if source.startswith("./"):
            assert (ROOT / source).exists(), source
            assert not writable, source
        else:
            assert source in read()["volumes"], source


def test_every_volume_is_mounted() -> None:
    used = {source for service in SERVICES.values() for source, _ in mounts(service).values()}
    assert read()["volumes"].keys() <= used


def test_the_hosts_are_sold_as_in_the_other_shop_on_one_machine() -> None:
    told = environment(SERVICES["provisioner"])
    assert json.loads(told["S4_FLEET"]) == wiring.FLEET
    assert (told["S4_GRID_PORTS"], told["S4_SSH_PORT"]) == (wiring.GRID_PORTS, str(wiring.SSH_PORT))
    assert (told["S4_GRID_DOMAIN"], told["S4_AWS_REGION"]) == (wiring.GRID_DOMAIN, wiring.REGION)


def test_who_reaches_emulated_machines_is_in_their_network_and_nobody_else() -> None:
    inside = {name for name, service in SERVICES.items() if service.get("network_mode") == "service:cloud"}
    assert inside == {"aws", "provisioner", "demo", "join", "client"}
    aliases = set(SERVICES["cloud"]["networks"]["default"]["aliases"])
    assert {"aws", "provisioner", "client"} == aliases


def test_prometheus_finds_everybody_whom_it_asks() -> None:
    jobs = {job["job_name"]: job for job in _yaml("k8s/observability/prometheus/compose.yaml")["scrape_configs"]}
    aliases = SERVICES["cloud"]["networks"]["default"]["aliases"]
    [services] = jobs["services"]["dns_sd_configs"]
    assert set(services["names"]) <= SERVICES.keys() | set(aliases)
    assert {environment(SERVICES[name])["S4_PROBES_LISTEN"] for name in NAMES} == {f"0.0.0.0:{services['port']}"}
    assert "prometheus.tcp.port = 15692" in (ROOT / "ops/compose/rabbitmq.conf").read_text()
    assert "rabbitmq_prometheus" in (ROOT / "ops/compose/enabled_plugins").read_text()


def test_grafana_has_the_dashboards_where_its_provisioning_looks_for_them() -> None:
    there = mounts(SERVICES["grafana"])
    [provider] = _yaml(there["/etc/grafana/provisioning/dashboards/s4.yaml"][0])["providers"]
    [source] = _yaml(there["/etc/grafana/provisioning/datasources/s4.yaml"][0])["datasources"]
    assert list((ROOT / there[provider["options"]["path"]][0]).glob("*.json"))
    assert source["url"] == "http://prometheus:9090"


@pytest.mark.parametrize("name", NAMES)
def test_a_developed_service_runs_the_sources_of_all_that_is_ours_in_it(name: str) -> None:
    service, migration = DEVELOPED[name], DEVELOPED[f"{name}-migrate"]
    assert service["build"] == {"context": ".", "target": "develop", "args": {"SERVICE": name}}
    assert service["volumes"] == migration["volumes"]
    paths = migration["environment"]["PYTHONPATH"].split(":")
    assert f"PYTHONPATH={':'.join(paths)}" in (ROOT / "Dockerfile").read_text()
    ours = {one.removeprefix("s4-") for one in distributions(RECIPES[name], ROOT) if one.startswith("s4-")}
    own, libraries = (Path(mount.split(":")[0]) for mount in service["volumes"])
    assert (ROOT / own / f"s4_{name}").is_dir()
    assert {f"/source/libs/{library}/src" for library in ours - {name}} <= set(paths)
    assert (ROOT / libraries / "bus").is_dir()


def before(name: str) -> set[str]:
    """Who is started before it, and itself."""
    _, _, neighbour = SERVICES[name].get("network_mode", "").partition("service:")
    wanted = {*SERVICES[name].get("depends_on", {}), neighbour} - {""}
    return {name}.union(*(before(other) for other in wanted))


def _yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())
