"""Signatures of images, beside the images in the registry, as cosign, podman and Kyverno find them."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from s4_ops.images.keys import PublicKey, SigningKey
from s4_ops.registry.client import OCI_MANIFEST, Registry, digest_of_bytes
from s4_ops.registry.names import ImageName
from s4_runtime import Permanent

_LAYER = "application/vnd.dev.cosign.simplesigning.v1+json"
_SIGNATURE = "dev.cosignproject.cosign/signature"
_TYPE = "cosign container image signature"


def sign(registry: Registry, image: ImageName, key: SigningKey) -> bool:
    """The image, which is in the registry, has a signature by this key; False when it had one. Raises Permanent."""
    require_there(registry, image)
    if is_signed(registry, image, [key.public]):
        return False
    payload = _payload(image)
    layer = _described(_LAYER, payload) | {"annotations": {_SIGNATURE: key.sign(payload)}}
    layers = [*_layers(registry, image), layer]
    config = _config(layers)
    registry.put_blob(image.repository, payload)
    registry.put_blob(image.repository, config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _described("application/vnd.oci.image.config.v1+json", config),
        "layers": layers,
    }
    registry.put_manifest(image.repository, image.signature_tag, manifest)
    return True


def verify(registry: Registry, image: ImageName, keys: Sequence[PublicKey]) -> None:
    """Raise Permanent unless the image is in the registry and one of the keys signed it under this name."""
    require_there(registry, image)
    if not is_signed(registry, image, keys):
        code = "image-signed-by-another-key" if any(_layers(registry, image)) else "image-unsigned"
        raise Permanent(code, image=str(image))


def require_there(registry: Registry, image: ImageName) -> None:
    """Raise Permanent unless the registry has the image as its digest says."""
    if registry.manifest(image.repository, image.digest) is None:
        raise Permanent("no-such-image", image=str(image))


def is_signed(registry: Registry, image: ImageName, keys: Sequence[PublicKey]) -> bool:
    """Whether one of the keys signed this digest under this name."""
    return any(
        _is_about(payload, image) and any(key.has_signed(payload, signature) for key in keys)
        for payload, signature in _signatures(registry, image)
    )


def _signatures(registry: Registry, image: ImageName) -> Iterator[tuple[bytes, str]]:
    for layer in _layers(registry, image):
        if layer.get("mediaType") == _LAYER and (signature := layer.get("annotations", {}).get(_SIGNATURE)):
            yield registry.blob(image.repository, layer["digest"]), signature


def _layers(registry: Registry, image: ImageName) -> list[dict[str, Any]]:
    found = registry.manifest(image.repository, image.signature_tag)
    return list(json.loads(found).get("layers", [])) if found else []


def _payload(image: ImageName) -> bytes:
    critical = {
        "identity": {"docker-reference": image.without_digest},
        "image": {"docker-manifest-digest": image.digest},
        "type": _TYPE,
    }
    return json.dumps({"critical": critical, "optional": {"creator": "s4 images"}}, separators=(",", ":")).encode()


def _is_about(payload: bytes, image: ImageName) -> bool:
    try:
        critical = json.loads(payload)["critical"]
        name = critical["identity"]["docker-reference"].partition("@")[0]
        digest, kind = critical["image"]["docker-manifest-digest"], critical["type"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    return _without_tag(name) == image.without_digest and (digest, kind) == (image.digest, _TYPE)


def _without_tag(name: str) -> str:
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name


def _config(layers: list[dict[str, Any]]) -> bytes:
    shape = {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]}
    return json.dumps({"architecture": "", "os": "", "config": {}, "rootfs": shape}).encode()


def _described(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "size": len(content), "digest": digest_of_bytes(content)}
