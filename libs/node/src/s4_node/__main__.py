"""Command line of the node: `s4-node run DIR` and `s4-node probe`."""

import sys


def main() -> int:
    """Say how to use the command."""
    print("usage: s4-node run DIR | s4-node probe", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
