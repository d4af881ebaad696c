"""The image as it is baked here, shared by all tests."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from s4_devcloud.image import Image, base, node
from support.image import ROOT, bake

NODE = ROOT / "libs/node"


@pytest.fixture
def layers(machine_image: Path) -> dict[str, Path]:
    image = Image.read(machine_image, "nspawn")
    return {layer.name.partition("-")[0]: layer for layer in image.layers}


def test_a_second_bake_takes_less_than_a_second(machine_image: Path) -> None:
    began = time.monotonic()
    command = [sys.executable, "-m", "s4_devcloud", "image", "--output", str(machine_image), "--node", str(NODE)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)

    assert json.loads(said.stdout)["name"] == Image.read(machine_image, "nspawn").name
    assert json.loads(said.stdout)["seconds"] < 1
    assert said.stderr == ""
    assert time.monotonic() - began < 10  # the interpreter's own start, on a busy machine


def test_an_edit_of_the_node_changes_the_topmost_layer_only(tmp_path: Path) -> None:
    copied = tmp_path / "node"
    shutil.copytree(NODE, copied, ignore=shutil.ignore_patterns("__pycache__"))
    packages, top = node.packages_name(base.name(), copied), node.node_name("below", copied)
    (copied / "src/s4_node/extra.py").write_text("x = 1\n")

    assert (node.packages_name(base.name(), copied), node.node_name("below", copied)) != (packages, top)
    assert node.packages_name(base.name(), copied) == packages
    (copied / "requirements.txt").write_text("attrs==1\n")
    assert node.packages_name(base.name(), copied) != packages


def test_nothing_in_the_image_is_shared_that_must_not_be(layers: dict[str, Path]) -> None:
    root = layers["base"]

    assert (root / "etc/machine-id").read_text() == ""
    assert list((root / "etc/ssh").glob("ssh_host_*")) == []
    assert "s4grid" in (root / "etc/passwd").read_text()
    assert (root / "var/lib/s4").is_dir()


def test_no_trace_of_this_machines_package_sources_is_in_the_image(layers: dict[str, Path]) -> None:
    assert (layers["base"] / "etc/apt/sources.list").read_text() == ""
    for name in ("pip.conf", "pip/pip.conf", "apt/sources.list.d", "apt/apt.conf.d/99proxy", "resolv.conf"):
        assert not any((layer / "etc" / name).exists() for layer in layers.values())
    records = [path for layer in layers.values() for path in layer.rglob("direct_url.json")]
    assert [path for path in records if "://" in path.read_text() and "file:///wheels/" not in path.read_text()] == []


def test_the_nodes_packages_are_compiled_and_its_commands_are_there(layers: dict[str, Path]) -> None:
    packages = layers["packages"] / "opt/s4/node/lib/python3.11/site-packages"

    assert (packages / "allmydata/__pycache__/client.cpython-311.pyc").is_file()
    assert (layers["node"] / "opt/s4/node/bin/s4-node").read_text().startswith("#!/opt/s4/node/bin/python")
    assert os.access(layers["node"] / "usr/local/bin/s4-host", os.X_OK)
    assert not (layers["packages"] / "wheels").exists()


def test_the_folder_for_sshd_has_commands_that_run_from_where_they_are(plain_image: Path) -> None:
    image = Image.read(plain_image, "sshd")

    said = subprocess.run([image.layers[0] / "bin/s4-node", "--help"], capture_output=True, text=True, check=False)

    assert "s4-node" in said.stdout + said.stderr
    assert bake("sshd") == plain_image
