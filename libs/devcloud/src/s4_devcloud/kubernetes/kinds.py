"""The kinds of objects that the double keeps."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind, as discovery describes it."""

    name: str
    plural: str
    group: str = ""
    version: str = "v1"
    is_namespaced: bool = True
    subresources: tuple[str, ...] = ()
    short: tuple[str, ...] = ()  # names for people who type
    is_foreign: bool = False  # an operator's: its objects are kept, and nobody does anything about them

    @property
    def api_version(self) -> str:
        """As it stands in an object."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """As messages and quotas say it: plural.group."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


_RBAC, _ADMISSION = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
NAMESPACE = Kind("Namespace", "namespaces", is_namespaced=False, subresources=("status",), short=("ns",))
NODE = Kind("Node", "nodes", is_namespaced=False, subresources=("status",), short=("no",))
CONFIG_MAP = Kind("ConfigMap", "configmaps", short=("cm",))
CLAIM = Kind("PersistentVolumeClaim", "persistentvolumeclaims", short=("pvc",))
POD = Kind("Pod", "pods", subresources=("status", "log", "eviction"), short=("po",))
SECRET = Kind("Secret", "secrets")
SERVICE = Kind("Service", "services", subresources=("status",), short=("svc",))
SERVICE_ACCOUNT = Kind("ServiceAccount", "serviceaccounts", subresources=("token",), short=("sa",))
EVENT = Kind("Event", "events")
LIMIT_RANGE = Kind("LimitRange", "limitranges")
RESOURCE_QUOTA = Kind("ResourceQuota", "resourcequotas", subresources=("status",))
DEPLOYMENT = Kind("Deployment", "deployments", "apps", subresources=("status",), short=("deploy",))
DAEMON_SET = Kind("DaemonSet", "daemonsets", "apps", subresources=("status",), short=("ds",))
JOB = Kind("Job", "jobs", "batch", subresources=("status",))
CRON_JOB = Kind("CronJob", "cronjobs", "batch", subresources=("status",), short=("cj",))
LEASE = Kind("Lease", "leases", "coordination.k8s.io")
INGRESS = Kind("Ingress", "ingresses", "networking.k8s.io", subresources=("status",), short=("ing",))
AUTOSCALER = Kind("HorizontalPodAutoscaler", "horizontalpodautoscalers", "autoscaling", "v2", short=("hpa",))
STATEFUL_SET = Kind("StatefulSet", "statefulsets", "apps", subresources=("status",), short=("sts",))
NETWORK_POLICY = Kind("NetworkPolicy", "networkpolicies", "networking.k8s.io", short=("netpol",))
DISRUPTION_BUDGET = Kind("PodDisruptionBudget", "poddisruptionbudgets", "policy")
ROLE = Kind("Role", "roles", _RBAC)
ROLE_BINDING = Kind("RoleBinding", "rolebindings", _RBAC)
CLUSTER_ROLE = Kind("ClusterRole", "clusterroles", _RBAC, is_namespaced=False)
CLUSTER_ROLE_BINDING = Kind("ClusterRoleBinding", "clusterrolebindings", _RBAC, is_namespaced=False)
POLICY = Kind("ValidatingAdmissionPolicy", "validatingadmissionpolicies", _ADMISSION, is_namespaced=False)
POLICY_BINDING = Kind(
    "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", _ADMISSION, is_namespaced=False
)
PRIORITY_CLASS = Kind("PriorityClass", "priorityclasses", "scheduling.k8s.io", is_namespaced=False)
STORAGE_CLASS = Kind("StorageClass", "storageclasses", "storage.k8s.io", is_namespaced=False)
INGRESS_CLASS = Kind("IngressClass", "ingressclasses", "networking.k8s.io", is_namespaced=False)
SLICE = Kind("EndpointSlice", "endpointslices", "discovery.k8s.io")


def _foreign(group: str, version: str, *names: str, is_namespaced: bool = True) -> tuple[Kind, ...]:
    def plural(name: str) -> str:
        return f"{name.lower()}es" if name.endswith("s") else f"{name.lower()}s"

    return tuple(Kind(name, plural(name), group, version, is_namespaced, is_foreign=True) for name in names)


# Of operators that our manifests speak to: External Secrets, KEDA, cert-manager, CloudNativePG, the controller of
# snapshots, and Traefik.
FOREIGN = (
    *_foreign("external-secrets.io", "v1", "ExternalSecret", "SecretStore"),
    *_foreign("keda.sh", "v1alpha1", "ScaledObject", "TriggerAuthentication"),
    *_foreign("cert-manager.io", "v1", "Certificate", "Issuer"),
    *_foreign("cert-manager.io", "v1", "ClusterIssuer", is_namespaced=False),
    *_foreign("postgresql.cnpg.io", "v1", "Cluster", "Database", "ScheduledBackup"),
    *_foreign("snapshot.storage.k8s.io", "v1", "VolumeSnapshotClass", is_namespaced=False),
    *_foreign("traefik.io", "v1alpha1", "ServersTransport"),
)
KINDS = (
    NAMESPACE, NODE, POD, SECRET, SERVICE, SERVICE_ACCOUNT, EVENT, LIMIT_RANGE, RESOURCE_QUOTA, STATEFUL_SET,
    CONFIG_MAP, CLAIM, DEPLOYMENT, DAEMON_SET, JOB, CRON_JOB, LEASE, INGRESS, AUTOSCALER,
    NETWORK_POLICY, DISRUPTION_BUDGET, ROLE, ROLE_BINDING, CLUSTER_ROLE, CLUSTER_ROLE_BINDING, POLICY, POLICY_BINDING,
    PRIORITY_CLASS, STORAGE_CLASS, INGRESS_CLASS, SLICE, *FOREIGN,
)  # fmt: skip


def kind_at(group: str, version: str, plural: str) -> Kind | None:
    """The kind of this path."""
    return next((kind for kind in KINDS if (kind.group, kind.version, kind.plural) == (group, version, plural)), None)
