"""The bill of materials of an image: CycloneDX 1.6 in JSON. The same image has the same bill, byte for byte."""

import json
import re
import uuid
from typing import Any
from urllib.parse import quote

from s4_ops.images.contents import Contents, Distribution, Package
from s4_ops.images.recipes import Recipe, normal

# A name for a licence that SPDX knows, or an expression of such names (SPDX 2.3, annex D).
_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*")
_NAMES = {"apache 2.0": "Apache-2.0", "bsd": "", "mit license": "MIT", "apache license 2.0": "Apache-2.0"}


def bill(recipe: Recipe, image_id: str, revision: str, found: Contents) -> dict[str, Any]:
    """What the image consists of, for those who look for vulnerable packages and for licences."""
    parts = {one["bom-ref"]: one for one in [*map(_python, found.python), *map(_debian, found.debian)]}
    whole = f"pkg:oci/{recipe.repository}@sha256%3A{image_id}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, image_id)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": whole,
                "name": recipe.repository,
                "version": revision,
                "purl": whole,
                "hashes": [{"alg": "SHA-256", "content": image_id}],
            }
        },
        "components": [parts[name] for name in sorted(parts)],
        "dependencies": [{"ref": whole, "dependsOn": sorted(parts)}],
    }


def written(made: dict[str, Any]) -> bytes:
    """As it is in its file."""
    return json.dumps(made, indent=1, sort_keys=True).encode() + b"\n"


def _python(one: Distribution) -> dict[str, Any]:
    name = f"pkg:pypi/{normal(one.name)}@{quote(one.version)}"
    licence = _NAMES.get(one.licence.lower(), one.licence)
    told: list[dict[str, Any]] = []
    if licence and _EXPRESSION.fullmatch(licence) and (" " in licence or "-" in licence or licence == "MIT"):
        told = [{"expression": licence}]
    elif licence:
        told = [{"license": {"name": licence}}]
    return _component(name, one.name, one.version) | ({"licenses": told} if told else {})


def _debian(one: Package) -> dict[str, Any]:
    where = f"arch={one.architecture}&distro=debian-12"
    name = f"pkg:deb/debian/{quote(one.name)}@{quote(one.version)}?{where}"
    return _component(name, one.name, one.version)


def _component(reference: str, name: str, version: str) -> dict[str, Any]:
    return {"type": "library", "bom-ref": reference, "name": name, "version": version, "purl": reference}
