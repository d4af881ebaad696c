"""An operator's folder with specs of clusters, stand-ins for kops and kubectl, and the local cloud for AWS."""

import sys
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from support.cluster_desk import Desk
from support.grid_cloud import KEYS, Cloud, light, local_cloud
from support.healthy_cluster import api_server, healthy

ROOT = Path(__file__).parents[3]
SUPPORT = ROOT / "tests" / "support"
ACCOUNT, REGION = "123456789012", "us-east-1"  # moto's own account
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-1111-4111-8111-111111111111"


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The local cloud, in which nothing of a cluster runs: kops' stand-in keeps machines in its own folder."""
    image = light(Path(tmp_path_factory.mktemp("image")))
    with local_cloud(Path(tmp_path_factory.mktemp("cloud")), image) as running:
        yield running


@pytest.fixture
def zone(request: pytest.FixtureRequest) -> str:
    """A DNS zone of this test alone."""
    return f"{request.node.name.partition('[')[0].replace('_', '-')[-50:].strip('-')}.example"


@pytest.fixture
def desk(
    tmp_path: Path, cloud: Cloud, zone: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Desk:
    """A desk with specs that differ from the repository's in account, region, and names of this test."""
    made = Desk(tmp_path, capfd, f"t{zlib.crc32(zone.encode()):08x}")
    specs = tmp_path / "ops" / "clusters"
    (specs / "dashboard").mkdir(parents=True)
    (specs / "dashboard" / "kustomization.yaml").write_text("resources: []\n")
    for name in ("production", "staging", "throwaway"):
        spec = yaml.safe_load((ROOT / "ops" / "clusters" / f"{name}.yaml").read_text())
        label = made.label
        spec |= {
            "name": f"{name}.{zone}",
            "account": ACCOUNT,
            "region": REGION,
            "dns_zone": zone,
            "encryption_key": KEY,
        }
        spec |= {"kubernetes": "1.32.4"}  # the tests count from there
        spec |= {"zones": [f"{REGION}{each[-1]}" for each in spec["zones"]]}
        spec |= {"state_bucket": f"{label}-state", "identity_bucket": f"{label}-identity"}
        (specs / f"{name}.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    for program in ("kops", "kubectl"):
        (tmp_path / program).mkdir()
        path = tmp_path / "bin" / program
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\nexec {sys.executable} -S {SUPPORT / f"{program}_program.py"} "$@"\n')
        path.chmod(0o755)
    packages = str(Path(yaml.__file__).parents[1])
    environment = KEYS | {"AWS_ENDPOINT_URL": cloud.endpoint, "KOPS_STAND_IN": str(made.kops), "PYTHONPATH": packages}
    environment |= {"KUBECTL_STAND_IN": str(made.kubectl), "S4_AUDIT_FILE": str(tmp_path / "audit.jsonl")}
    environment |= {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "S4_OPERATOR": "somebody"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def hosted_zone(cloud: Cloud, zone: str) -> str:
    """The id of the test's zone, which is there."""
    made = cloud.client("route53").create_hosted_zone(Name=zone, CallerReference=zone)
    return str(made["HostedZone"]["Id"]).rpartition("/")[2]


@pytest.fixture
def standing(desk: Desk, cloud: Cloud, hosted_zone: str, zone: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk with a staging cluster that was made, and is well."""
    with api_server(desk.folder, timedelta(days=300)) as address:
        monkeypatch.setenv("KOPS_STAND_IN_API", address)
        record = {"Name": f"api.staging.{zone}", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
        changes = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
        cloud.client("route53").change_resource_record_sets(HostedZoneId=hosted_zone, ChangeBatch=changes)
        desk.done("create", "staging")
        desk.cluster_has(**healthy())
        yield desk
