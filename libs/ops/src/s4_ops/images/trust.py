"""What makes a host's container engine refuse images that we did not sign."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path

from s4_ops.images.keys import PublicKey
from s4_ops.registry.names import ImageName, Place


def policy(place: Place, keys: Sequence[PublicKey]) -> str:
    """The policy.json of containers/image: images of this registry if one of the keys signed them, and no others.

    Requirements of one place must all hold, so several keys stand in one requirement (containers-policy.json(5),
    "keyDatas"); engines before containers/image 5.26 know one key only, and take "keyData".
    """
    encoded = [base64.b64encode(key.pem.encode()).decode() for key in keys]
    trusted = {"keyData": encoded[0]} if len(encoded) == 1 else {"keyDatas": encoded}
    required = {"type": "sigstoreSigned", **trusted, "signedIdentity": {"type": "matchRepository"}}
    said = {"default": [{"type": "reject"}], "transports": {"docker": {str(place): [required]}}}
    return json.dumps(said, indent=2) + "\n"


def pins(images: Sequence[ImageName]) -> str:
    """A policy.json that knows these images and no others, for engines that are built without sigstore (Debian's).

    It is as good as the look at the signatures that came before it: a digest cannot come to mean another image.
    """
    scopes = {str(image): [{"type": "insecureAcceptAnything"}] for image in images}
    return json.dumps({"default": [{"type": "reject"}], "transports": {"docker": scopes}}, indent=2) + "\n"


def lookaside(place: Place) -> str:
    """The file of registries.d that makes engines look for signatures beside the images."""
    return f"docker:\n  {place}:\n    use-sigstore-attachments: true\n"


def write(folder: Path, said: str, place: Place) -> list[Path]:
    """The policy, and where signatures are, are in the folder as below /etc/containers."""
    found = {folder / "policy.json": said, folder / "registries.d" / "s4.yaml": lookaside(place)}
    for path, text in found.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [*found]
