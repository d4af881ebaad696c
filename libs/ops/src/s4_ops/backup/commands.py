"""s4 backup ..."""

import argparse


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands below ``s4 backup``. Each sets ``run``: given the parsed words, it returns the exit status."""
    parser.add_subparsers(required=True, metavar="COMMAND")
