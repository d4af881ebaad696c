"""What the API server writes down: who changed what, never what a Secret holds, and no noise."""

from typing import Any

FILE = "/etc/kubernetes/audit/policy-config.yaml"
LOG = "/var/log/kube-apiserver-audit.log"
_SECRETS = {"group": "", "resources": ["secrets", "configmaps", "serviceaccounts/token"]}
_QUIET = ["system:kube-proxy", "system:kube-scheduler", "system:kube-controller-manager", "system:apiserver"]


def policy() -> dict[str, Any]:
    """Kubernetes, "Auditing": the first rule that fits decides."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "users": _QUIET, "verbs": ["get", "list", "watch"]},
            {"level": "None", "userGroups": ["system:nodes"], "verbs": ["get", "list", "watch"]},
            {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version", "/metrics"]},
            {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
            {"level": "Metadata", "resources": [_SECRETS, {"group": "authentication.k8s.io"}]},
            {"level": "Request", "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
            {"level": "Metadata", "resources": [{"group": "", "resources": ["pods/exec", "pods/portforward"]}]},
            {"level": "None", "verbs": ["get", "list", "watch"]},
            {"level": "Metadata"},
        ],
    }
