"""Which machine images may be booted: those that we signed. Pure."""

import base64
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from s4_aws.surroundings import Image
from s4_runtime import Permanent

_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)
Keys = tuple[ec.EllipticCurvePublicKey, ...]


class ImageUnsigned(Permanent):
    """No key of ours signed this machine image: no machine is started from it."""


def keys(pem: str) -> Keys:
    """The public keys in the text. Raises Permanent where there is text and no key."""
    try:
        found = [load_pem_public_key(each.encode()) for each in _PEM.findall(pem)]
    except ValueError:
        raise Permanent("machine-image-key-unreadable") from None
    kept = tuple(key for key in found if isinstance(key, ec.EllipticCurvePublicKey))
    if len(kept) != len(found) or (pem.strip() and not kept):
        raise Permanent("machine-image-key-unreadable")
    return kept


def require(image: Image, trusted: Keys) -> None:
    """Raise ImageUnsigned unless a key signed this id and name, or there is no key. What an id means never changes."""
    if trusted and not any(_has_signed(key, image) for key in trusted):
        raise ImageUnsigned("machine-image-unsigned", image=image.id, name=image.name)


def said(image: str, name: str) -> bytes:
    """What is signed."""
    return f"s4-machine-image {image} {name}\n".encode()


def _has_signed(key: ec.EllipticCurvePublicKey, image: Image) -> bool:
    try:
        signature = base64.b64decode(image.signature, validate=True)
        key.verify(signature, said(image.id, image.name), ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True
