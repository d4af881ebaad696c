"""A real registry on loopback, images in it, and a container engine that obeys our policy."""

import asyncio
import io
import json
import os
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from s4_ops.registry.client import OCI_MANIFEST, Registry, digest_of_bytes
from s4_ops.registry.names import ImageName, Place
from s4_shop.missing import MissingProgram
from s4_shop.ports import free_port
from support.waiting import until

_CONTAINERS = """[containers]
default_ulimits=["nofile=20000:20000", "nproc=32768:32768"]
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"
"""


@contextmanager
def real_registry(folder: Path) -> Iterator[Place]:
    """Debian's docker-registry, which lets manifests be deleted."""
    place = f"127.0.0.1:{free_port()}"
    storage = {"filesystem": {"rootdirectory": str(folder / "images")}, "delete": {"enabled": True}}
    quiet = {"level": "error", "accesslog": {"disabled": True}}
    wanted = {"version": 0.1, "log": quiet, "storage": storage, "http": {"addr": place}}
    (folder / "registry.yml").write_text(yaml.safe_dump(wanted))
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(
            [installed("docker-registry"), "serve", str(folder / "registry.yml")], stdout=log, stderr=log
        )
    try:
        asyncio.run(until(lambda: _answers(f"http://{place}/v2/"), within=20, what="the registry answers"))
        yield Place.read(place)
    finally:
        process.terminate()
        process.wait(20)


def copy(place: Place, reference: str, source: str, target: str) -> None:
    """What the tag or digest names in one repository, it names in the other one, too."""
    registry = Registry(place.host)
    manifest = json.loads(registry.manifest(source, reference) or b"")
    for part in (manifest["config"], *manifest["layers"]):
        registry.put_blob(target, registry.blob(source, part["digest"]))
    registry.put_manifest(target, reference, manifest)


def push(place: Place, name: str, content: str, *tags: str) -> ImageName:
    """An image that holds this content is in the registry."""
    registry, repository = Registry(place.host), place.image(name, "").repository
    layer = _archive({"words": content})
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [digest_of_bytes(layer)]},
    }
    put = json.dumps(config).encode()
    parts = [("application/vnd.oci.image.config.v1+json", put), ("application/vnd.oci.image.layer.v1.tar", layer)]
    described = [
        {"mediaType": kind, "size": len(part), "digest": registry.put_blob(repository, part)} for kind, part in parts
    ]
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described[0], "layers": described[1:]}
    digest = digest_of_bytes(json.dumps(manifest, sort_keys=True).encode())
    for reference in tags or (digest,):
        registry.put_manifest(repository, reference, manifest)
    return place.image(name, digest)


class Engine:
    """podman with everything of its own below one folder; it takes any image until its policy is replaced."""

    def __init__(self, folder: Path, place: Place) -> None:
        self.settings = folder / "home" / ".config" / "containers"
        self.settings.mkdir(parents=True)
        (self.settings / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        (folder / "containers.conf").write_text(_CONTAINERS)
        (folder / "registries.conf").write_text(f'[[registry]]\nlocation = "{place.host}"\ninsecure = true\n')
        (folder / "storage.conf").write_text(
            f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n'
        )
        named = {
            "CONTAINERS_CONF": "containers.conf",
            "CONTAINERS_REGISTRIES_CONF": "registries.conf",
            "CONTAINERS_STORAGE_CONF": "storage.conf",
        }
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder),
            **{variable: str(folder / file) for variable, file in named.items()},
        }

    def podman(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What came of it."""
        return self._run(installed("podman"), *words)

    def skopeo(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What came of it."""
        return self._run(installed("skopeo"), "--registries.d", str(self.settings / "registries.d"), *words)

    def takes(self, image: str) -> bool:
        """Whether the image can be pulled; it is not kept."""
        pulled = self.podman("pull", "--quiet", image)
        refusals = ("signature", "not allowed by policy", "rejected by policy", "manifest unknown")
        assert pulled.returncode == 0 or any(words in pulled.stderr.lower() for words in refusals), pulled.stderr
        return pulled.returncode == 0

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60, check=False)


def installed(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if not found:
        raise MissingProgram(name)
    return found


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310  loopback
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _archive(files: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()
