"""The key by which operators log in to nodes, where a cluster has one."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from s4_ops.cluster.place import Place, write
from s4_ops.cluster.spec import Spec

_API = "kops.k8s.io/v1alpha2"


def ensure(place: Place) -> str:
    """The public key; the private one is in a file that only its owner reads, made now or before."""
    public = place.ssh_key.with_suffix(".pub")
    if not (place.ssh_key.exists() and public.exists()):
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
        told = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        write(place.ssh_key, private)
        write(public, f"{told}\n")
    return public.read_text(encoding="utf-8").strip()


def manifest(spec: Spec, public: str) -> dict[str, Any]:
    """The public key as kops wants it told."""
    metadata = {"name": "admin", "labels": {"kops.k8s.io/cluster": spec.name}}
    return {"apiVersion": _API, "kind": "SSHCredential", "metadata": metadata, "spec": {"publicKey": public}}
