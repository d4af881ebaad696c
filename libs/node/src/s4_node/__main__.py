"""Command line of the node: serve grids, prove them, and look after what they store."""

import argparse
import os
import sys
from importlib import import_module

# Each command's module has add_arguments(parser) and main(args); it is imported when it is the one that is wanted.
COMMANDS = {
    "run": ("s4_node.serve.run", "serve one grid, or one node of it"),
    "shard": ("s4_node.serve.shard", "serve many grids with one process, and change which"),
    "probe": ("s4_node.probe.command", "prove a grid from outside: store something and read it back"),
    "check": ("s4_node.tools.check", "whether a bucket can do what a grid needs"),
    "usage": ("s4_node.tools.usage", "what a grid stores: bytes and objects"),
    "verify": ("s4_node.tools.verify", "whether every share in a bucket is whole"),
    "copy": ("s4_node.tools.copy", "move a grid from a disk to a bucket, or back"),
}


def main() -> int:
    """Run one command, and return its exit code; 2 means that the command was used wrongly."""
    os.umask(0o077)
    match sys.argv[1:]:
        case [name, *rest] if name in COMMANDS:
            module = import_module(COMMANDS[name][0])
            parser = argparse.ArgumentParser(prog=f"s4-node {name}")
            module.add_arguments(parser)
            return int(module.main(parser.parse_args(rest)))
        case ["-h" | "--help"]:
            print(_usage())
            return 0
        case _:
            print(_usage(), file=sys.stderr)
            return 2


def _usage() -> str:
    lines = [f"  {name:8}{does}" for name, (_, does) in COMMANDS.items()]
    return "\n".join(["usage: s4-node COMMAND ...", "", *lines, "", "s4-node COMMAND --help says more of each."])


if __name__ == "__main__":
    sys.exit(main())
