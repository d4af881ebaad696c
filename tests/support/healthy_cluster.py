"""What kubectl finds in a cluster that is well, and the API server's certificate."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Object = dict[str, Any]


def thing(name: str, namespace: str | None = None, condition: str | None = None, **more: Any) -> Object:
    """An object with one condition that is true."""
    metadata: Object = {"name": name, **({"namespace": namespace} if namespace else {})}
    status = {"conditions": [{"type": condition, "status": "True"}]} if condition else {}
    return {"metadata": metadata | more.pop("metadata", {}), "status": status | more.pop("status", {}), **more}


def node(name: str, version: str = "1.32.4") -> Object:
    return thing(name, condition="Ready", status={"nodeInfo": {"kubeletVersion": f"v{version}"}})


def pod(name: str, namespace: str) -> Object:
    return thing(name, namespace, "Ready", status={"phase": "Running"})


def storage_class(name: str, *, encrypted: str = "true", default: str = "true") -> Object:
    annotations = {"storageclass.kubernetes.io/is-default-class": default}
    parameters = {"encrypted": encrypted, "type": "gp3"}
    return thing(name, metadata={"annotations": annotations}, provisioner="ebs.csi.aws.com", parameters=parameters)


def namespace(name: str, enforce: str = "restricted") -> Object:
    labels = {"app.kubernetes.io/part-of": "s4", "pod-security.kubernetes.io/enforce": enforce}
    return thing(name, metadata={"labels": labels})


def certificate(name: str, lasting: timedelta) -> Object:
    end = (datetime.now(UTC) + lasting).strftime("%Y-%m-%dT%H:%M:%SZ")
    return thing(name, "s4", "Ready", status={"notAfter": end})


def volume(name: str, claim: str, policy: str = "Retain") -> Object:
    spec = {"claimRef": {"namespace": "s4", "name": claim}, "persistentVolumeReclaimPolicy": policy}
    return thing(name, status={"phase": "Bound"}, spec=spec)


def healthy(nodes: int = 5) -> dict[str, list[Object]]:
    """Lists by resource: a staging cluster without S4 in it."""
    return {
        "nodes": [node(f"n{number}") for number in range(nodes)],
        "pods": [pod("coredns-1", "kube-system"), pod("calico-node-1", "kube-system")],
        "storageclasses": [storage_class("s4-encrypted")],
        "deployments": [
            thing("coredns", "kube-system", "Available"),
            thing("headlamp", "headlamp", "Available"),
        ],
        "certificates.cert-manager.io": [certificate("site", timedelta(days=60))],
        "namespaces": [thing("kube-system"), namespace("s4")],
        "persistentvolumes": [],
    }


@contextmanager
def api_server(folder: Path, lasting: timedelta) -> Iterator[str]:
    """The address of something that shows a certificate which ends then, and says nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(folder, lasting))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_shake_hands, args=(listener, context), daemon=True).start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def _shake_hands(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                continue


def _certificate(folder: Path, lasting: timedelta) -> Path:
    key, now = generate_private_key(SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=400)).not_valid_after(now + lasting)
    path = folder / "api.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    return path
