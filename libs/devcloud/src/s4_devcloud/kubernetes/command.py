"""python -m s4_devcloud kubernetes: an API server and a cluster whose pods are processes of this machine."""

import argparse
import asyncio
import sys
from pathlib import Path

from s4_devcloud.image import Image, ImageMissing
from s4_devcloud.kubernetes.server import Cluster, serve
from s4_devcloud.machines.network import Network, NetworkTaken
from s4_devcloud.machines.owned import StateInUse, owned


def place(text: str) -> tuple[str, int]:
    """HOST:PORT; port 0 takes a free one."""
    host, _, port = text.rpartition(":")
    return host, int(port)


def span(text: str) -> tuple[int, int]:
    """LOWEST-HIGHEST."""
    lowest, _, highest = text.partition("-")
    return int(lowest), int(highest)


def parse(argv: list[str]) -> argparse.Namespace:
    """The flags of this part."""
    about = "A Kubernetes API server, and pods that run here."
    parser = argparse.ArgumentParser(prog="s4_devcloud kubernetes", description=about)
    for flag, what in (("--listen", "the API server"), ("--control", "the control API")):
        somewhere = ("127.0.0.1", 0)
        parser.add_argument(flag, type=place, default=somewhere, metavar="HOST:PORT", help=f"where {what} answers")
    parser.add_argument(
        "--state", type=Path, required=True, help="a folder of its own; kubeconfig and ca.pem are in it"
    )
    parser.add_argument(
        "--image", type=Path, required=True, help="the folder that s4_devcloud image baked --kind sshd into"
    )
    parser.add_argument("--network", help="a 127.A.B.0/24 for nodes, pods and services; a free one when not given")
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--node-memory", default="8Gi", help="what the pods of a node may request together")
    parser.add_argument("--node-ports", type=span, default=(30000, 39999), metavar="LOWEST-HIGHEST")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Serve until told to end; 1 when that cannot be done."""
    chosen = parse(argv)
    state: Path = chosen.state.resolve()
    state.mkdir(parents=True, exist_ok=True)
    try:
        with owned(state):
            programs = Image.read(chosen.image.resolve(), "sshd").layers[0] / "bin"
            wanted = Cluster(chosen.listen, chosen.control, chosen.nodes, chosen.node_memory, chosen.node_ports)
            asyncio.run(serve(wanted, state, programs, Network.claim(chosen.network, state)))
    except (ImageMissing, NetworkTaken, StateInUse) as refused:
        print(f"kubernetes: {refused}", file=sys.stderr)  # noqa: T201  this command's only way to say so
        return 1
    return 0
