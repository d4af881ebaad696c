"""What kops accepts in a manifest (kops.k8s.io/v1alpha2), as far as we use it: any other name is refused."""

from typing import Any

ANY = object()  # whatever it is, it is kops' to judge
TEXT, NUMBER, FLAG = str, int, bool
_ADDON = {"enabled": FLAG}
_VOLUME = {"encryptedVolume": FLAG, "kmsKeyId": TEXT, "volumeType": TEXT, "volumeSize": NUMBER}
_CLUSTER: dict[str, Any] = {
    "additionalPolicies": {"*": TEXT},
    "api": {"dns": {}, "loadBalancer": {"class": TEXT, "type": TEXT, "idleTimeoutSeconds": NUMBER}},
    "authorization": {"rbac": {}, "alwaysAllow": {}},
    "awsLoadBalancerController": _ADDON,
    "certManager": _ADDON | {"managed": FLAG, "defaultIssuer": TEXT, "hostedZoneIDs": [TEXT], "nameservers": [TEXT]},
    "channel": TEXT,
    "cloudConfig": {"awsEBSCSIDriver": _ADDON | {"managed": FLAG}},
    "cloudLabels": {"*": TEXT},
    "cloudProvider": TEXT,
    "clusterAutoscaler": _ADDON
    | {"expander": TEXT, "balanceSimilarNodeGroups": FLAG, "awsUseStaticInstanceList": FLAG, "image": TEXT}
    | {"scaleDownUtilizationThreshold": ANY, "skipNodesWithLocalStorage": FLAG, "skipNodesWithSystemPods": FLAG}
    | {"newPodScaleUpDelay": TEXT, "scaleDownDelayAfterAdd": TEXT, "cpuRequest": TEXT, "memoryRequest": TEXT},
    "configBase": TEXT,
    "dnsZone": TEXT,
    "etcdClusters": [
        {
            "name": TEXT,
            "cpuRequest": TEXT,
            "memoryRequest": TEXT,
            "manager": {"backupRetentionDays": NUMBER},
            "etcdMembers": [{"name": TEXT, "instanceGroup": TEXT} | _VOLUME],
        }
    ],
    "externalDns": {"provider": TEXT, "watchIngress": FLAG},
    "externalPolicies": {"*": [TEXT]},
    "fileAssets": [{"name": TEXT, "path": TEXT, "content": TEXT, "isBase64": FLAG, "roles": [TEXT]}],
    "iam": {"legacy": FLAG, "allowContainerRegistry": FLAG, "useServiceAccountExternalPermissions": FLAG},
    "kubeAPIServer": {"auditPolicyFile": TEXT, "auditLogPath": TEXT, "auditLogMaxAge": NUMBER}
    | {"auditLogMaxBackups": NUMBER, "auditLogMaxSize": NUMBER},
    "kubelet": {"anonymousAuth": FLAG, "authorizationMode": TEXT, "authenticationTokenWebhook": FLAG}
    | {"containerLogMaxSize": TEXT, "containerLogMaxFiles": NUMBER},
    "kubernetesApiAccess": [TEXT],
    "kubernetesVersion": TEXT,
    "metricsServer": _ADDON | {"insecure": FLAG},
    "networkCIDR": TEXT,
    "networking": {"calico": {}, "cilium": {}, "cni": {}},
    "nodeTerminationHandler": _ADDON
    | {"enableSQSTerminationDraining": FLAG, "prometheusEnable": FLAG, "cpuRequest": TEXT, "managedASGTag": TEXT},
    "nonMasqueradeCIDR": TEXT,
    "podIdentityWebhook": _ADDON,
    "rollingUpdate": {"maxUnavailable": ANY, "maxSurge": ANY, "drainAndTerminate": FLAG},
    "serviceAccountIssuerDiscovery": {"discoveryStore": TEXT, "enableAWSOIDCProvider": FLAG},
    "snapshotController": _ADDON,
    "sshAccess": [TEXT],
    "sshKeyName": TEXT,
    "subnets": [{"name": TEXT, "zone": TEXT, "type": TEXT, "cidr": TEXT}],
    "topology": {"dns": {"type": TEXT}},
}
_GROUP: dict[str, Any] = {
    "associatePublicIp": FLAG,
    "autoscale": FLAG,
    "cloudLabels": {"*": TEXT},
    "image": TEXT,
    "instanceMetadata": {"httpTokens": TEXT, "httpPutResponseHopLimit": NUMBER},
    "machineType": TEXT,
    "maxSize": NUMBER,
    "minSize": NUMBER,
    "nodeLabels": {"*": TEXT},
    "role": TEXT,
    "rootVolumeEncryption": FLAG,
    "rootVolumeEncryptionKey": TEXT,
    "rootVolumeSize": NUMBER,
    "rootVolumeType": TEXT,
    "subnets": [TEXT],
    "taints": [TEXT],
}
_METADATA = {"name": TEXT, "labels": {"*": TEXT}, "creationTimestamp": TEXT}
_SPECS: dict[str, Any] = {"Cluster": _CLUSTER, "InstanceGroup": _GROUP, "SSHCredential": {"publicKey": TEXT}}


def wrong(manifest: dict[str, Any]) -> list[str]:
    """What kops would not accept."""
    kind = manifest.get("kind", "")
    if manifest.get("apiVersion") != "kops.k8s.io/v1alpha2" or kind not in _SPECS:
        return [f"no kind {kind!r} is registered"]
    shape = {"apiVersion": TEXT, "kind": TEXT, "metadata": _METADATA, "spec": _SPECS[kind]}
    found = _misfits(kind, manifest, shape)
    if kind != "Cluster" and "kops.k8s.io/cluster" not in manifest.get("metadata", {}).get("labels", {}):
        found.append(f"{kind}: must specify the label kops.k8s.io/cluster")
    return found + (_of_group(manifest["spec"]) if kind == "InstanceGroup" and not found else [])


def _misfits(path: str, value: Any, shape: Any) -> list[str]:
    if shape is ANY:
        return []
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{path}: must be a map"]
        known = {key: shape.get(key, shape.get("*")) for key in value}
        unknown = [f"{path}: unknown field {key!r}" for key, inner in known.items() if inner is None]
        return unknown + [
            line
            for key, inner in known.items()
            if inner is not None
            for line in _misfits(f"{path}.{key}", value[key], inner)
        ]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{path}: must be a list"]
        return [line for each in value for line in _misfits(path, each, shape[0])]
    return [] if type(value) is shape else [f"{path}: must be {shape.__name__}"]


def _of_group(spec: dict[str, Any]) -> list[str]:
    found = [] if spec["role"] in {"Master", "ControlPlane", "Node", "Bastion"} else [f"role {spec['role']!r}"]
    return found + ([] if spec["minSize"] <= spec["maxSize"] else ["maxSize must be greater than or equal to minSize"])
