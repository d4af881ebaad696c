"""A spec as kops wants it told (kops.k8s.io/v1alpha2): one Cluster, and an InstanceGroup for each kind of machine."""

from typing import Any

import yaml

from s4_ops.cluster.auditing import FILE, LOG, policy
from s4_ops.cluster.groups import control_planes, instance_groups
from s4_ops.cluster.network import subnets
from s4_ops.cluster.spec import Spec

API = "kops.k8s.io/v1alpha2"
_SESSION_MANAGER = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
_BACKUP_DAYS = 90  # etcd-manager's own copies of etcd, in the state bucket


def documents(spec: Spec) -> list[dict[str, Any]]:
    """All manifests, the Cluster first."""
    return [cluster(spec), *instance_groups(spec)]


def text(spec: Spec) -> str:
    """All manifests as one file."""
    return yaml.safe_dump_all(documents(spec), sort_keys=False, width=120)


def cluster(spec: Spec) -> dict[str, Any]:
    """The Cluster."""
    return {
        "apiVersion": API,
        "kind": "Cluster",
        "metadata": {"name": spec.name},
        "spec": {
            "cloudProvider": "aws",
            "channel": "stable",
            "kubernetesVersion": spec.kubernetes,
            "configBase": f"{spec.state}/{spec.name}",
            "dnsZone": spec.dns_zone,
            "cloudLabels": labels(spec),
            **_network(spec),
            **_access(spec),
            **_control_plane(spec),
            **_addons(),
        },
    }


def labels(spec: Spec) -> dict[str, str]:
    """The tags of everything that the cluster has at AWS."""
    expiry = {"s4:expires": spec.expires} if spec.expires else {}
    return {"s4:cluster": spec.name, "s4:environment": spec.environment, **expiry}


def _network(spec: Spec) -> dict[str, Any]:
    return {
        "networkCIDR": spec.network,
        "nonMasqueradeCIDR": "100.64.0.0/10",
        "subnets": subnets(spec),
        "topology": {"dns": {"type": "Public"}},
        "networking": {"calico": {}},  # enforces NetworkPolicy, on which the restricted namespaces rely
        "externalDns": {"provider": "external-dns"},
    }


def _access(spec: Spec) -> dict[str, Any]:
    """The API by a network load balancer for those who are named; nodes by Session Manager, or a key that is ours."""
    no_key = {"sshKeyName": ""} if spec.ssh == "none" else {}
    return {
        "api": {"loadBalancer": {"class": "Network", "type": "Public"}},
        "kubernetesApiAccess": list(spec.api_access),
        "sshAccess": [] if spec.ssh == "none" else list(spec.api_access),
        **no_key,
        "authorization": {"rbac": {}},
        "kubelet": {
            "anonymousAuth": False,
            "authorizationMode": "Webhook",
            "authenticationTokenWebhook": True,
            # docs/operations/observability.md, "Logs"
            "containerLogMaxSize": "50Mi",
            "containerLogMaxFiles": 3,
        },
        "iam": {"legacy": False, "allowContainerRegistry": False, "useServiceAccountExternalPermissions": True},
        "serviceAccountIssuerDiscovery": {
            "discoveryStore": f"s3://{spec.identity_bucket}/{spec.name}",
            "enableAWSOIDCProvider": True,
        },
        "externalPolicies": {"node": [_SESSION_MANAGER], "master": [_SESSION_MANAGER]},
    }


def _control_plane(spec: Spec) -> dict[str, Any]:
    return {
        "etcdClusters": [_etcd(spec, name) for name in ("main", "events")],
        "kubeAPIServer": {
            "auditPolicyFile": FILE,
            "auditLogPath": LOG,
            "auditLogMaxAge": 30,
            "auditLogMaxBackups": 10,
            "auditLogMaxSize": 100,
        },
        "fileAssets": [{"name": "audit-policy-config", "path": FILE, "content": yaml.safe_dump(policy())}],
        "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1, "drainAndTerminate": True},
    }


def _etcd(spec: Spec, name: str) -> dict[str, Any]:
    volume = {"encryptedVolume": True, "kmsKeyId": spec.encryption_key, "volumeType": "gp3", "volumeSize": 20}
    return {
        "name": name,
        "etcdMembers": [
            {"name": zone[-1], "instanceGroup": group, **volume} for zone, group in control_planes(spec).items()
        ],
        "manager": {"backupRetentionDays": _BACKUP_DAYS},
    }


def _addons() -> dict[str, Any]:
    """What kops installs and upgrades with the cluster (kops, "Managed addons")."""
    return {
        "clusterAutoscaler": {
            "enabled": True,
            "expander": "least-waste",
            "balanceSimilarNodeGroups": True,
            "skipNodesWithLocalStorage": False,
            "skipNodesWithSystemPods": True,
        },
        "metricsServer": {"enabled": True, "insecure": False},
        "certManager": {"enabled": True},
        "podIdentityWebhook": {"enabled": True},
        "nodeTerminationHandler": {"enabled": True, "enableSQSTerminationDraining": True, "prometheusEnable": True},
        "snapshotController": {"enabled": True},
        "cloudConfig": {"awsEBSCSIDriver": {"enabled": True}},
    }
