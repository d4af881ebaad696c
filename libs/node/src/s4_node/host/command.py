"""Command line of the host: `s4-host apply|status|stop|remove GRID_ID`."""

import sys


def main() -> int:
    """Say how to use the command."""
    print("usage: s4-host apply|status|stop|remove GRID_ID", file=sys.stderr)
    return 2
