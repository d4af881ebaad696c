"""s4 images ..."""

import argparse

from s4_ops.images.build_commands import add_building
from s4_ops.images.mirror_commands import add_mirroring
from s4_ops.images.signing_commands import add_signing


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands below ``s4 images``. Each sets ``run``: given the parsed words, it returns the exit status."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_building(commands)
    add_signing(commands)
    add_mirroring(commands)
