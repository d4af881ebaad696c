"""python -m s4_devcloud aws: the emulated AWS, with machines."""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

from s4_devcloud.image import Image, ImageMissing
from s4_devcloud.machines import Driver
from s4_devcloud.machines.drivers import open_crowd, open_driver, sweep
from s4_devcloud.machines.network import NetworkTaken
from s4_devcloud.machines.owned import StateInUse, owned

CROWD_IMAGE = "s4-node-crowd"


def place(text: str) -> tuple[str, int]:
    """HOST:PORT; port 0 takes a free one."""
    host, _, port = text.rpartition(":")
    return host, int(port)


def parse(argv: list[str]) -> argparse.Namespace:
    """The flags of this part."""
    parser = argparse.ArgumentParser(prog="s4_devcloud aws", description="AWS on this machine, with real machines.")
    for flag, what in (("--listen", "the AWS API"), ("--control", "the control API")):
        somewhere = ("127.0.0.1", 0)
        parser.add_argument(flag, type=place, default=somewhere, metavar="HOST:PORT", help=f"where {what} answers")
    parser.add_argument("--state", type=Path, required=True, help="a folder of its own for the machines' disks")
    parser.add_argument("--driver", choices=["nspawn", "sshd", "crowd"], default="nspawn")
    parser.add_argument("--boot-seconds", type=float, default=0.3, help="how long a machine of a crowd boots")
    parser.add_argument("--image", type=Path, help="the folder that s4_devcloud image baked into")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--network", help="a 127.A.B.0/24 for the machines; a free one when not given")
    parser.add_argument("--ssh-port", type=int, help="the port that leads to sshd: 22 for nspawn, 2222 for sshd")
    parser.add_argument("--sweep", action="store_true", help="only end what a killed run left in the state folder")
    chosen = parser.parse_args(argv)
    if not chosen.image and not chosen.sweep and chosen.driver != "crowd":
        parser.error("--image is needed")
    return chosen


def main(argv: list[str]) -> int:
    """Serve until told to end, or sweep; 1 when that cannot be done."""
    chosen = parse(argv)
    state: Path = chosen.state.resolve()
    state.mkdir(parents=True, exist_ok=True)
    try:
        with owned(state):
            swept = sweep(state)
            if chosen.sweep:
                print(json.dumps({"part": "aws", "swept": swept}), flush=True)  # noqa: T201  this command's result
                return 0
            _serve(chosen, state)
    except (ImageMissing, NetworkTaken, StateInUse, PermissionError) as refused:
        print(f"aws: {refused}", file=sys.stderr)  # noqa: T201  this command's only way to say so
        return 1
    return 0


def _serve(chosen: argparse.Namespace, state: Path) -> None:
    configure_moto(state)
    driver, image_name = _opened(chosen, state)
    from s4_devcloud.aws.server import Places, serve

    about = {"driver": chosen.driver, "network": driver.network, "ssh_port": driver.ssh_port}
    about["ssh_user"] = driver.ssh_user
    asyncio.run(serve(Places(chosen.listen, chosen.control, chosen.region), state, driver, image_name, about))


def _opened(chosen: argparse.Namespace, state: Path) -> tuple[Driver, str]:
    """The driver, and the name of what it boots."""
    if chosen.driver == "crowd":
        return open_crowd(state, chosen.network, chosen.ssh_port, chosen.boot_seconds), CROWD_IMAGE
    image = Image.read(chosen.image.resolve(), chosen.driver)
    return open_driver(image, state, chosen.network, chosen.ssh_port), image.name


def configure_moto(state: Path) -> None:
    """What moto reads when it is imported is set: our image is the only one, and unknown things are refused."""
    (state / "amis.json").write_text("[]")
    os.environ["MOTO_AMIS_PATH"] = str(state / "amis.json")
    os.environ["MOTO_ENABLE_AMI_VALIDATION"] = "true"
    os.environ["MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION"] = "true"
