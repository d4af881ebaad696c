"""What is made on Kubernetes for a grid and for a host: valid for the API server, restricted, and nothing too much."""

import base64
import json
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # it carries no types
import pytest

from s4_aws.sessions import Session
from s4_contracts.ids import GridId, HostId
from s4_devcloud.kubernetes.pod_security import violations
from s4_provisioner.drivers import clusters, manifests
from s4_provisioner.drivers.clusters import Cluster, Resources
from s4_provisioner.drivers.contract import lent
from s4_provisioner.drivers.manifests import GRID, HOST, HostRequest, Manifest
from s4_provisioner.node_files import Shares, Whereabouts, apply_payload
from s4_runtime import Secret, SettingsError
from support.driver_scenes import IDENTITY

GRID_ID = GridId("0192f0a1-7c3d-5b2e-9f10-8a1b2c3d4e5f")
HOST_ID = HostId("0192f0a1-7c3d-7b2e-8f10-8a1b2c3d4e60")
REQUEST = HostRequest(image="registry.invalid/s4/s4-node@sha256:" + "0" * 64, slots=3)
SESSION = Session(
    access_key_id="ASIAEXAMPLE",
    secret_access_key=Secret("the secret"),
    session_token=Secret("the token"),
    expires_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
)
BALANCED, AT_NODES = Cluster(), Cluster(service="NodePort", s3=["10.1.0.0/16", "0.0.0.0/0"], dns=["169.254.20.10/32"])
CLUSTERS = pytest.mark.parametrize("cluster", [BALANCED, AT_NODES], ids=["balanced", "at-nodes"])


def payload(session: Session = SESSION, announced_from: int = 1767225600, endpoint: str | None = None) -> bytes:
    shares = Shares(bucket="s4-t-g", region="eu-central-1", endpoint=endpoint, quota_bytes=10**9, session=session)
    where = Whereabouts("gabc.grids.test", 31001, None)
    return apply_payload(GRID_ID, IDENTITY, where, shares, announced_from=announced_from, shard="shard-0")


def of_grid(cluster: Cluster = BALANCED, told: bytes | None = None, request: HostRequest = REQUEST) -> list[Manifest]:
    grid = manifests.grid_request(GRID_ID, told or payload())
    return manifests.grid_objects("local", HOST_ID, grid, request, cluster)


def of_host(cluster: Cluster = BALANCED) -> list[Manifest]:
    namespace, inner = manifests.host_objects("local", HOST_ID, "small", REQUEST, cluster)
    return [namespace, *inner]


def one(found: list[Manifest], kind: str, name: str = "") -> Manifest:
    return next(each for each in found if each["kind"] == kind and each["metadata"]["name"].endswith(name))


def pod(found: list[Manifest]) -> dict[str, Any]:
    spec: dict[str, Any] = one(found, "StatefulSet")["spec"]["template"]["spec"]
    return spec


@CLUSTERS
def test_every_object_is_what_the_api_server_takes(cluster: Cluster) -> None:
    for each in [*of_host(cluster), *of_grid(cluster)]:
        kubernetes_validate.validate(each, "1.36", strict=True)


@CLUSTERS
def test_every_object_says_whose_it_is_and_nothing_of_a_person(cluster: Cluster) -> None:
    for each in of_grid(cluster):
        assert each["metadata"]["labels"] == {
            "app.kubernetes.io/name": "s4-node",
            "app.kubernetes.io/managed-by": "s4-provisioner",
            "s4/deployment": "local",
            "s4/host": HOST_ID,
            "s4/grid": GRID_ID,
        }
        assert each["metadata"]["namespace"] == f"s4-local-{HOST_ID}"


def test_the_longest_names_fit() -> None:
    assert len(manifests.namespace_name("d" * 20, HOST_ID)) <= 63
    assert len(f"{manifests.grid_name(GRID_ID)}-0-0123456789") <= 63
    assert len(manifests.keys_name(GRID_ID)) <= 63


def test_the_pod_is_as_restricted_as_the_namespace_demands() -> None:
    namespace = one(of_host(), "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"

    spec = pod(of_grid())

    assert violations(spec) == []
    (container,) = spec["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert spec["automountServiceAccountToken"] is False
    assert {*container["resources"]["requests"]} == {*container["resources"]["limits"]}


def test_only_who_does_not_answer_at_all_is_restarted() -> None:
    (container,) = pod(of_grid())["containers"]

    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    startup = container["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 3600
    assert one(of_grid(), "Service")["spec"]["publishNotReadyAddresses"] is True


def test_there_is_one_pod_and_never_a_second() -> None:
    wanted = one(of_grid(), "StatefulSet")

    assert wanted["spec"]["replicas"] == 1
    assert wanted["spec"]["selector"] == {"matchLabels": {GRID: GRID_ID}}


def test_the_grids_own_ports_lead_to_the_same_ports_of_its_pod() -> None:
    ports = one(of_grid(), "Service")["spec"]["ports"]
    at_nodes = one(of_grid(AT_NODES), "Service")["spec"]["ports"]

    assert [(port["port"], port["targetPort"]) for port in ports] == [(31001, 31001), (31002, 31002)]
    assert [port["nodePort"] for port in at_nodes] == [31001, 31002]
    assert [port["containerPort"] for port in pod(of_grid())["containers"][0]["ports"]][:2] == [31001, 31002]


def test_what_a_load_balancer_needs_is_said_by_the_cluster() -> None:
    cluster = Cluster(annotations={"example.com/internal": "no"}, load_balancer_class="example.com/balancer")
    service = one(of_grid(cluster), "Service")

    assert service["metadata"]["annotations"] == {"example.com/internal": "no"}
    assert service["spec"]["loadBalancerClass"] == "example.com/balancer"


def test_a_load_balancer_can_be_told_about_each_port_of_the_grid() -> None:
    idle = "tcp.idle_timeout.seconds=6000"
    cluster = Cluster(annotations={"example.com/TCP-{introducer}": idle, "example.com/TCP-{storage}": idle})
    service = one(of_grid(cluster), "Service")
    assert service["metadata"]["annotations"] == {"example.com/TCP-31001": idle, "example.com/TCP-31002": idle}


def test_nobody_speaks_with_anybody_unless_it_is_said() -> None:
    assert one(of_host(), "NetworkPolicy")["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def reachable(policy: Manifest, address: str, port: int) -> bool:
    """Whether the policy lets the pod go to an address outside of the cluster."""
    where = ip_address(address)
    for rule in policy["spec"]["egress"]:
        if port not in {each["port"] for each in rule["ports"]}:
            continue
        blocks = [to["ipBlock"] for to in rule["to"] if "ipBlock" in to]
        if any(
            where in ip_network(block["cidr"]) and not any(where in ip_network(no) for no in block.get("except", []))
            for block in blocks
        ):
            return True
    return False


def test_clients_come_in_at_two_ports() -> None:
    policy = one(of_grid(), "NetworkPolicy")

    assert policy["spec"]["podSelector"] == {"matchLabels": {GRID: GRID_ID}}
    assert [{port["port"] for port in rule["ports"]} for rule in policy["spec"]["ingress"]] == [{31001, 31002}]


@pytest.mark.parametrize(
    ("address", "port", "is_open"),
    [
        ("52.219.1.1", 443, True),
        ("52.219.1.1", 80, False),
        ("2a05:d070:8000::1", 443, True),
        ("169.254.169.254", 443, False),
        ("169.254.170.2", 443, False),
        ("fd00:ec2::254", 443, False),
        ("10.96.0.1", 443, False),
    ],
)
def test_the_pod_goes_to_s3_and_to_no_metadata_service(address: str, port: int, is_open: bool) -> None:  # noqa: FBT001  a column of the table
    assert reachable(one(of_grid(), "NetworkPolicy"), address, port) is is_open


def test_where_the_store_is_can_be_said_and_metadata_stays_shut() -> None:
    policy = one(of_grid(AT_NODES), "NetworkPolicy")

    assert reachable(policy, "10.1.2.3", 443)
    assert not reachable(policy, "169.254.169.254", 443)
    assert reachable(policy, "169.254.20.10", 53)


@pytest.mark.parametrize(("endpoint", "port"), [(None, 443), ("https://s3.test:9000", 9000), ("http://s3.test", 80)])
def test_the_stores_own_port_is_open(endpoint: str | None, port: int) -> None:
    assert manifests.grid_request(GRID_ID, payload(endpoint=endpoint)).s3_port == port


def secret(found: list[Manifest], suffix: str, file: str) -> str:
    return base64.b64decode(one(found, "Secret", suffix)["data"][file]).decode()


def test_what_a_grid_is_and_what_it_is_lent_are_kept_apart() -> None:
    found = of_grid()

    specification = json.loads(secret(found, GRID_ID, "specification.json"))
    assert specification["introducer"]["files"]["private/node.pem"] == IDENTITY.introducer.pem
    assert "credentials" not in specification["storage"]
    assert "shard" not in specification
    assert secret(found, "-keys", "credentials") == (
        "[default]\naws_access_key_id = ASIAEXAMPLE\naws_secret_access_key = the secret\n"
        "aws_session_token = the token\nexpires_at = 2026-01-02T03:04:05Z\n"
    )


def test_secrets_are_in_secrets_only() -> None:
    others = json.dumps([each for each in of_grid() if each["kind"] != "Secret"])

    for text in ("the secret", "the token", IDENTITY.announcement_key, "PEM", IDENTITY.introducer.swissnum):
        assert text not in others


def test_another_session_changes_no_pod_and_another_specification_does() -> None:
    other = Session(
        access_key_id="ASIAOTHER",
        secret_access_key=Secret("another"),
        session_token=Secret("another"),
        expires_at=datetime(2027, 1, 1, tzinfo=UTC),
    )
    template = one(of_grid(), "StatefulSet")["spec"]["template"]

    assert one(of_grid(told=payload(other)), "StatefulSet")["spec"]["template"] == template
    assert one(of_grid(told=payload(announced_from=1767225601)), "StatefulSet")["spec"]["template"] != template


def test_a_renewed_session_is_the_same_file_as_a_first_one() -> None:
    assert manifests.keys_of(lent(SESSION))["data"] == one(of_grid(), "Secret", "-keys")["data"]


def test_a_zone_and_nodes_can_be_chosen() -> None:
    cluster, zoned = Cluster(node_selector={"pool": "grids"}), HostRequest(image="i", slots=1, zone="zone-a")

    assert pod(of_grid(cluster, request=zoned))["nodeSelector"] == {
        "pool": "grids",
        "topology.kubernetes.io/zone": "zone-a",
    }
    assert "nodeSelector" not in pod(of_grid())


def test_a_namespace_takes_as_much_as_its_grids_need() -> None:
    hard = one(of_host(), "ResourceQuota")["spec"]["hard"]
    at_nodes = one(of_host(AT_NODES), "ResourceQuota")["spec"]["hard"]

    assert hard == {
        "count/statefulsets.apps": "3",
        "pods": "3",
        "services": "3",
        "secrets": "6",
        "services.loadbalancers": "3",
        "persistentvolumeclaims": "0",
    }
    assert at_nodes["services.nodeports"] == "6"


def test_a_role_is_bound_only_where_one_is_named() -> None:
    assert manifests.binding("local", HOST_ID, "small", BALANCED) is None
    bound = manifests.binding("local", HOST_ID, "small", Cluster(role="s4-grids-host", account="s4/s4-provisioner"))

    assert bound is not None
    kubernetes_validate.validate(bound, "1.36", strict=True)
    assert bound["subjects"] == [{"kind": "ServiceAccount", "name": "s4-provisioner", "namespace": "s4"}]
    assert bound["metadata"]["labels"][HOST] == HOST_ID


def test_the_setting_names_a_cluster_for_each_region() -> None:
    told = '{"eu-1": {"service": "NodePort", "resources": {"memory": "96Mi"}}}'

    assert clusters.read("") == {}
    assert clusters.read(told) == {"eu-1": Cluster(service="NodePort", resources=Resources(memory="96Mi"))}


@pytest.mark.parametrize(
    "told",
    ["{", '{"eu-1": {"servise": "NodePort"}}', '{"eu-1": {"role": "r"}}', '{"eu-1": {"role": "r", "account": "a"}}'],
)
def test_a_setting_that_makes_no_sense_stops_the_start(told: str) -> None:
    with pytest.raises(SettingsError, match="S4_CLUSTERS"):
        clusters.read(told)
