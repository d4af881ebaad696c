"""python -m s4_devcloud aws: the emulated AWS, with machines."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from s4_devcloud.image import Image, ImageMissing
from s4_devcloud.machines.drivers import open_driver
from s4_devcloud.machines.network import NetworkTaken


def place(text: str) -> tuple[str, int]:
    """HOST:PORT; port 0 takes a free one."""
    host, _, port = text.rpartition(":")
    return host, int(port)


def parse(argv: list[str]) -> argparse.Namespace:
    """The flags of this part."""
    parser = argparse.ArgumentParser(prog="s4_devcloud aws", description="AWS on this machine, with real machines.")
    parser.add_argument("--listen", type=place, required=True, metavar="HOST:PORT", help="where the AWS API answers")
    parser.add_argument("--control", type=place, required=True, metavar="HOST:PORT", help="where the control API answers")
    parser.add_argument("--state", type=Path, required=True, help="a folder of its own for the machines' disks")
    parser.add_argument("--driver", choices=["nspawn", "sshd"], default="nspawn")
    parser.add_argument("--image", type=Path, required=True, help="the folder that s4_devcloud image baked into")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--network", help="a 127.A.B.0/24 for the machines; a free one when not given")
    parser.add_argument("--ssh-port", type=int, help="the port that leads to sshd: 22 for nspawn, 2222 for sshd")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Serve until told to end; 1 when it cannot start."""
    chosen = parse(argv)
    state: Path = chosen.state.resolve()
    state.mkdir(parents=True, exist_ok=True)
    configure_moto(state)
    try:
        image = Image.read(chosen.image.resolve(), chosen.driver)
        driver = open_driver(image, state, chosen.network, chosen.ssh_port)
    except (ImageMissing, NetworkTaken, PermissionError) as refused:
        print(f"aws: {refused}", file=sys.stderr)  # noqa: T201  this command's only way to say so
        return 1
    if swept := driver.sweep():
        print(f"aws: cleaned up after a killed run: {', '.join(swept)}", file=sys.stderr)  # noqa: T201  as above
    from s4_devcloud.aws.server import Places, serve

    about = {"driver": chosen.driver, "network": driver.network, "ssh_port": driver.ssh_port, "ssh_user": driver.ssh_user}
    asyncio.run(serve(Places(chosen.listen, chosen.control, chosen.region), state, driver, image.name, about))
    return 0


def configure_moto(state: Path) -> None:
    """moto reads these when it is imported: our image is the only one, and unknown things are refused."""
    (state / "amis.json").write_text("[]")
    os.environ["MOTO_AMIS_PATH"] = str(state / "amis.json")
    os.environ["MOTO_ENABLE_AMI_VALIDATION"] = "true"
    os.environ["MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION"] = "true"
