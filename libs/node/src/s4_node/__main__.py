"""Command line of the node: `s4-node run DIR` serves a grid, `s4-node probe` proves one."""

import os
import sys
from pathlib import Path


def main() -> int:
    """Serve or prove, and return the exit code; 2 means that the command was used wrongly."""
    os.umask(0o077)
    match sys.argv[1:]:
        case ["run", directory]:
            from s4_node.serve.run import serve

            return serve(Path(directory))
        case ["probe"]:
            from s4_node.probe.command import probe

            return probe(sys.stdin.buffer.read(), sys.stdout)
        case _:
            print("usage: s4-node run DIR | s4-node probe < request.json", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main())
