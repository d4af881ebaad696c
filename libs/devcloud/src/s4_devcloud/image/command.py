"""python -m s4_devcloud image: bake what is missing, say where it is."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from s4_devcloud.image import base, node
from s4_devcloud.image.shelf import Image, Kind, Shelf


def bake(source: Path, kind: Kind, shelf: Shelf) -> Image:
    """The image of this node distribution; only the layers that changed are baked."""
    with shelf.locked():
        if kind == "sshd":
            packages = shelf.layer(
                node.packages_name(str(shelf.folder), source).replace("packages-", "plain-packages-"),
                "the node's third-party packages",
                lambda to: node.bake_plain_packages(to, source),
            )
            plain = node.node_name(packages.name, source).replace("node-", "plain-")
            what = "the node distribution"
            return shelf.publish(kind, [shelf.layer(plain, what, lambda to: node.bake_plain(to, packages, source))])
        if os.geteuid() != 0:
            raise base.BakeFailed("a root filesystem is baked by root; --kind sshd needs no root")
        bottom = shelf.layer(base.name(), "the base system from Debian packages", base.bake)
        middle = shelf.layer(
            node.packages_name(bottom.name, source),
            "the node's third-party packages",
            lambda to: node.bake_packages(to, bottom, source),
        )
        top = shelf.layer(
            node.node_name(middle.name, source),
            "the node distribution",
            lambda to: node.bake_node(to, [middle, bottom], source),
        )
        return shelf.publish(kind, [top, middle, bottom])


def main(argv: list[str]) -> int:
    """Progress on stderr, one JSON line about the image on stdout."""
    parser = argparse.ArgumentParser(prog="s4_devcloud image", description="Bake what instances boot, once.")
    parser.add_argument("--output", type=Path, required=True, help="the folder that keeps the baked layers")
    parser.add_argument("--node", type=Path, required=True, help="the folder of the node distribution, libs/node")
    parser.add_argument("--kind", choices=["nspawn", "sshd"], default="nspawn", help="for which driver")
    chosen = parser.parse_args(argv)
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"image: {text}", file=sys.stderr, flush=True)  # noqa: T201  this command's progress

    folder = chosen.output.resolve()
    try:
        image = bake(chosen.node.resolve(), chosen.kind, Shelf(folder, say))
    except base.BakeFailed as failed:
        say(str(failed))
        return 1
    seconds = round(time.monotonic() - began, 2)
    described = {"part": "image", "kind": image.kind, "name": image.name, "folder": str(folder), "seconds": seconds}
    print(json.dumps(described), flush=True)  # noqa: T201  this command's result
    return 0
