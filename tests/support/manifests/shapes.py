"""Shapes of the kinds that come with operators, as far as we use them; hand-written from their published definitions.

An unknown field is refused: an operator would ignore it, or its definition would.
"""

from typing import Any

TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
NUMBER: dict[str, Any] = {"type": "integer"}
YES: dict[str, Any] = {"type": "boolean"}
TEXTS: dict[str, Any] = {"type": "object", "additionalProperties": TEXT}
ANY: dict[str, Any] = {"type": "object"}
Shape = dict[str, Any]


def fields(_needed: str = "", /, **each: Shape) -> Shape:
    """An object with these fields and no others, of which some are needed."""
    return {"type": "object", "properties": each, "required": _needed.split(), "additionalProperties": False}


def several(each: Shape) -> Shape:
    return {"type": "array", "items": each, "minItems": 1}


def one_of(*texts: str) -> Shape:
    return {"enum": list(texts)}


DURATION: Shape = {"type": "string", "pattern": r"^([0-9]+(h|m|s))+$"}
NAMED = fields("name", name=TEXT, kind=TEXT, group=TEXT)
_RULE = fields("type value periodSeconds", type=one_of("Pods", "Percent"), value=NUMBER, periodSeconds=NUMBER)
_TRIGGERS = {
    "oneOf": [
        fields(
            "type metadata authenticationRef",
            type={"const": "rabbitmq"},
            metadata=fields(
                "queueName mode value",
                protocol=one_of("amqp", "http"),
                queueName=TEXT,
                mode=one_of("QueueLength", "MessageRate"),
                value={"type": "string", "pattern": "^[0-9]+$"},
            ),
            authenticationRef=NAMED,
        ),
        fields(
            "type metricType metadata",
            type=one_of("cpu", "memory"),
            metricType=one_of("Utilization", "AverageValue"),
            metadata=fields("value", value=TEXT),
        ),
    ]
}
_EXTERNAL = fields(
    "secretStoreRef target data",
    refreshInterval=DURATION,
    secretStoreRef=fields("name kind", name=TEXT, kind=one_of("SecretStore", "ClusterSecretStore")),
    target=fields(
        "name",
        name=TEXT,
        creationPolicy=one_of("Owner", "Orphan", "Merge", "None"),
        deletionPolicy=one_of("Delete", "Merge", "Retain"),
        template=fields(type=TEXT, data=TEXTS),
    ),
    data=several(
        fields("secretKey remoteRef", secretKey=TEXT, remoteRef=fields("key", key=TEXT, property=TEXT, version=TEXT))
    ),
)
_STORE = fields(
    "provider",
    provider=fields(
        aws=fields(
            "service region",
            service=one_of("SecretsManager", "ParameterStore"),
            region=TEXT,
            auth=fields(jwt=fields("serviceAccountRef", serviceAccountRef=fields("name", name=TEXT, namespace=TEXT))),
        )
    ),
)
_SCALED = fields(
    "scaleTargetRef triggers",
    scaleTargetRef=NAMED,
    minReplicaCount=NUMBER,
    maxReplicaCount=NUMBER,
    pollingInterval=NUMBER,
    cooldownPeriod=NUMBER,
    fallback=fields(
        "failureThreshold replicas",
        failureThreshold=NUMBER,
        replicas=NUMBER,
        behavior=one_of("static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"),
    ),
    advanced=fields(
        horizontalPodAutoscalerConfig=fields(
            name=TEXT,
            behavior=fields(scaleDown=fields(stabilizationWindowSeconds=NUMBER, policies=several(_RULE)), scaleUp=ANY),
        )
    ),
    triggers=several(_TRIGGERS),
)
_TRIGGER_AUTHENTICATION = fields(
    secretTargetRef=several(fields("parameter name key", parameter=TEXT, name=TEXT, key=TEXT))
)
_KEY = fields(algorithm=one_of("RSA", "ECDSA", "Ed25519"), size=NUMBER, rotationPolicy=one_of("Never", "Always"))
_CERTIFICATE = fields(
    "secretName issuerRef",
    isCA=YES,
    commonName=TEXT,
    secretName=TEXT,
    duration=DURATION,
    renewBefore=DURATION,
    usages=several(TEXT),
    dnsNames=several(TEXT),
    privateKey=_KEY,
    issuerRef=NAMED,
)
_ISSUER = fields(selfSigned=ANY, ca=fields("secretName", secretName=TEXT), acme=ANY)
_ACME = fields(
    "acme",
    acme=fields(
        "server privateKeySecretRef solvers",
        server={"type": "string", "pattern": "^https://"},
        email={"type": "string", "pattern": "^[^@]+@[^@]+$"},
        privateKeySecretRef=NAMED,
        solvers=several(
            fields(
                selector=fields(dnsZones=several(TEXT)),
                dns01=fields(route53=fields("region", region=TEXT, role=TEXT, hostedZoneID=TEXT)),
            )
        ),
    ),
)
_POSTGRES = fields(
    "instances storage",
    instances=NUMBER,
    imageName=TEXT,
    imagePullSecrets=several(fields("name", name=TEXT)),
    enableSuperuserAccess=YES,
    priorityClassName=TEXT,
    primaryUpdateStrategy=one_of("unsupervised", "supervised"),
    primaryUpdateMethod=one_of("switchover", "restart"),
    minSyncReplicas=NUMBER,
    maxSyncReplicas=NUMBER,
    inheritedMetadata=fields(labels=TEXTS, annotations=TEXTS),
    certificates=fields(serverAltDNSNames=several(TEXT)),
    affinity=fields(
        enablePodAntiAffinity=YES,
        podAntiAffinityType=one_of("required", "preferred"),
        topologyKey=TEXT,
        tolerations=several(ANY),
        nodeAffinity=ANY,
    ),
    topologySpreadConstraints=several(ANY),
    resources=fields(requests=TEXTS, limits=TEXTS),
    postgresql=fields(parameters=TEXTS),
    managed=fields(
        roles=several(
            fields(
                "name",
                name=TEXT,
                ensure=one_of("present", "absent"),
                login=YES,
                passwordSecret=fields("name", name=TEXT),
            )
        )
    ),
    storage=fields("size", size=TEXT, storageClass=TEXT),
    walStorage=fields("size", size=TEXT, storageClass=TEXT),
    backup=fields(volumeSnapshot=fields(className=TEXT)),
)
_DATABASE = fields(
    "cluster name owner",
    cluster=fields("name", name=TEXT),
    name=TEXT,
    owner=TEXT,
    databaseReclaimPolicy=one_of("retain", "delete"),
)
_SCHEDULED = fields(
    "schedule cluster",
    schedule={"type": "string", "pattern": r"^(\S+ ){5}\S+$"},  # seconds first
    backupOwnerReference=one_of("none", "self", "cluster"),
    cluster=fields("name", name=TEXT),
    method=one_of("barmanObjectStore", "volumeSnapshot", "plugin"),
    pluginConfiguration=fields("name", name=TEXT, parameters=TEXTS),
)
SPECS: dict[tuple[str, str], Shape] = {
    ("external-secrets.io/v1", "ExternalSecret"): _EXTERNAL,
    ("external-secrets.io/v1", "SecretStore"): _STORE,
    ("keda.sh/v1alpha1", "ScaledObject"): _SCALED,
    ("keda.sh/v1alpha1", "TriggerAuthentication"): _TRIGGER_AUTHENTICATION,
    ("cert-manager.io/v1", "Certificate"): _CERTIFICATE,
    ("cert-manager.io/v1", "Issuer"): _ISSUER,
    ("cert-manager.io/v1", "ClusterIssuer"): _ACME,
    ("traefik.io/v1alpha1", "ServersTransport"): fields("serverName", serverName=TEXT, rootCAsSecrets=several(TEXT)),
    ("postgresql.cnpg.io/v1", "Cluster"): _POSTGRES,
    ("postgresql.cnpg.io/v1", "Database"): _DATABASE,
    ("postgresql.cnpg.io/v1", "ScheduledBackup"): _SCHEDULED,
}
# Without a spec.
WHOLE: dict[tuple[str, str], Shape] = {
    ("snapshot.storage.k8s.io/v1", "VolumeSnapshotClass"): fields(
        "apiVersion kind metadata driver deletionPolicy",
        apiVersion=TEXT,
        kind=TEXT,
        metadata=ANY,
        driver=TEXT,
        deletionPolicy=one_of("Delete", "Retain"),
        parameters=TEXTS,
    )
}


def shape_of(one: dict[str, Any]) -> Shape:
    """Of the whole object. KeyError for a kind that nobody has described."""
    kind = (one["apiVersion"], one["kind"])
    if kind in WHOLE:
        return WHOLE[kind]
    return fields("apiVersion kind metadata spec", apiVersion=TEXT, kind=TEXT, metadata=ANY, spec=SPECS[kind])
