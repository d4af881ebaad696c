"""Command line of the node: serve grids, prove them, and look after what they store."""

import argparse
import os
import sys
from importlib import import_module
from importlib.metadata import version

# Each command's module has add_arguments(parser) and main(args); it is imported when it is the one that is wanted.
COMMANDS = {
    "run": ("s4_node.serve.run", "serve a grid, or one node of it"),
    "shard": ("s4_node.serve.shard", "serve many grids with one process, and change which"),
    "pod": ("s4_node.serve.pod", "serve one grid in a container, from files that others replace"),
    "check": ("s4_node.tools.check", "find out whether a node could store in a bucket, and what to do if not"),
    "usage": ("s4_node.tools.usage", "count what is stored: bytes and objects"),
    "verify": ("s4_node.tools.verify", "read the headers of every share, and name what is damaged"),
    "copy": ("s4_node.tools.copy", "copy all shares: disk to bucket, bucket to bucket, bucket to disk"),
    "probe": ("s4_node.probe.command", "store something in a grid as a client would, and read it back"),
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
        case ["--version"]:
            print(f"s4-node {version('s4-node')}, Tahoe-LAFS {version('tahoe-lafs')}")
            return 0
        case [name, *_]:
            print(f"s4-node: there is no command {name!r}\n", file=sys.stderr)
        case _:
            pass
    print(_usage(), file=sys.stderr)
    return 2


def _usage() -> str:
    lines = [f"  {name:8}{does}" for name, (_, does) in COMMANDS.items()]
    more = "s4-node COMMAND --help says more of each; s4-node --version which one this is."
    return "\n".join(["usage: s4-node COMMAND ...", "", *lines, "", more])


if __name__ == "__main__":
    sys.exit(main())
