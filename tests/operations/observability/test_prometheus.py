"""What Prometheus, Alertmanager and Grafana are told."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from support.manifests import render

ROOT = Path(__file__).resolve().parents[3]
HOME = ROOT / "k8s" / "observability"
SERVICES = {"web", "billing", "provisioner", "notifier", "invites", "support"}


def read(name: str) -> Any:
    return yaml.safe_load((HOME / name).read_text())


def check(config: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    shutil.copytree(HOME / "rules", folder / "rules")
    path = folder / "prometheus.yaml"
    path.write_text(yaml.safe_dump(config))
    return subprocess.run(["promtool", "check", "config", str(path)], capture_output=True, text=True, check=False)


def test_prometheus_takes_the_configuration_for_compose(tmp_path: Path) -> None:
    done = check(read("prometheus/compose.yaml"), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_the_configuration_for_the_cluster(tmp_path: Path) -> None:
    """Debian's Prometheus cannot ask a cluster for pods; all the rest of the file is checked."""
    config = read("prometheus/kubernetes.yaml")
    for job in config["scrape_configs"]:
        asked = job.pop("kubernetes_sd_configs", None)
        assert asked in (None, [{"role": "node"}], [{"role": "pod", "namespaces": {"names": ["NAMESPACE"]}}])
        for field in ("tls_config", "authorization"):
            job.pop(field, None)  # files of a pod
    config["rule_files"] = ["rules/*.yaml"]
    done = check(config, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_service_is_asked_under_its_own_name() -> None:
    [compose, _broker] = read("prometheus/compose.yaml")["scrape_configs"]
    assert set(compose["dns_sd_configs"][0]["names"]) == SERVICES
    [pods, *_others] = read("prometheus/kubernetes.yaml")["scrape_configs"]
    assert {"app_kubernetes_io_name" in str(rule) for rule in pods["relabel_configs"]} == {True, False}


def test_alertmanager_leads_pages_tickets_and_the_switch_to_receivers_that_there_are() -> None:
    config = read("alertmanager/alertmanager.yaml")
    receivers = {receiver["name"] for receiver in config["receivers"]}
    routes = [config["route"], *config["route"]["routes"]]
    assert {route["receiver"] for route in routes} == receivers
    told = [hook for receiver in config["receivers"] for hook in receiver["webhook_configs"]]
    assert all(hook.keys() == {"url_file"} for hook in told)


def test_grafana_reads_from_the_prometheus_that_dashboards_name() -> None:
    [source] = read("grafana/datasource.yaml")["datasources"]
    assert (source["uid"], source["type"]) == ("prometheus", "prometheus")


def test_the_cluster_gets_every_rule_and_every_dashboard() -> None:
    listed = {item for one in read("kustomization.yaml")["configMapGenerator"] for item in one["files"]}
    there = {f"rules/{path.name}" for path in (HOME / "rules").iterdir()}
    there |= {f"dashboards/{path.name}" for path in (HOME / "dashboards").iterdir()}
    assert there <= listed
    for name in listed:
        assert (HOME / name.partition("=")[2] or name).exists()


def test_what_the_cluster_gets_can_be_rendered_and_fits_into_config_maps() -> None:
    for one in render("observability").objects:
        assert len(yaml.safe_dump(one)) < 2**20
        assert one["metadata"]["labels"]["app.kubernetes.io/part-of"] == "s4"
