"""A pod's volumes as folders of this machine; what a Secret holds is replaced whole, as a kubelet does."""

import base64
import re
import shutil
from pathlib import Path
from typing import Any

from s4_devcloud.kubernetes import kinds
from s4_devcloud.kubernetes.store import Object, Store

_DATA = "..data"


class VolumeMissing(Exception):
    """A volume cannot be had yet."""


class Volumes:
    """The volumes of one pod, below a folder of its own."""

    def __init__(self, pod: Object, folder: Path, store: Store) -> None:
        self._namespace, self._folder, self._store = pod["metadata"]["namespace"], folder, store
        self._listed: list[dict[str, Any]] = pod["spec"].get("volumes", [])
        self._versions: dict[str, str] = {}

    def lay_out(self) -> None:
        """Every volume is there, and every Secret as it is now. Raises VolumeMissing."""
        for volume in self._listed:
            place = self.place(volume["name"])
            place.mkdir(parents=True, exist_ok=True)
            if "secret" in volume:
                self._write(place, volume)
            elif "emptyDir" not in volume:
                raise VolumeMissing(f"volume {volume['name']}: only secrets and empty directories are known here")

    def place(self, name: str) -> Path:
        """The folder of a volume."""
        return self._folder / name

    def mounted(self, container: Object, text: str) -> str:
        """The text, with paths at which the container mounts volumes replaced by where these are."""
        places = {mount["mountPath"]: str(self.place(mount["name"])) for mount in container.get("volumeMounts", [])}
        if not places:
            return text
        longest_first = sorted(map(re.escape, places), key=len, reverse=True)
        return re.sub("|".join(longest_first), lambda found: places[found[0]], text)

    def _write(self, place: Path, volume: dict[str, Any]) -> None:
        wanted = volume["secret"]
        secret = self._store.get(kinds.SECRET, self._namespace, wanted["secretName"])
        if secret is None:
            if wanted.get("optional"):
                return
            raise VolumeMissing(f'secret "{wanted["secretName"]}" not found')
        version = secret["metadata"]["resourceVersion"]
        if self._versions.get(volume["name"]) != version:
            replace(place, {name: base64.b64decode(text) for name, text in secret.get("data", {}).items()}, version)
            self._versions[volume["name"]] = version


def replace(place: Path, files: dict[str, bytes], version: str) -> None:
    """The folder shows these files; whoever looks meanwhile sees all of the old or all of the new."""
    fresh = place / f"..{version}"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for name, content in files.items():
        (fresh / name).write_bytes(content)
        (fresh / name).chmod(0o440)
    old = (place / _DATA).readlink() if (place / _DATA).is_symlink() else None
    (place / f"{_DATA}_tmp").symlink_to(fresh.name)
    (place / f"{_DATA}_tmp").rename(place / _DATA)
    for name in files:
        if not (place / name).is_symlink():
            (place / name).symlink_to(f"{_DATA}/{name}")
    for link in place.iterdir():
        if not link.name.startswith("..") and link.name not in files:
            link.unlink()
    if old:
        shutil.rmtree(place / old, ignore_errors=True)
