"""s4 deploy ..."""

import argparse


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands below ``s4 deploy``. Each sets ``run``: given the parsed words, it returns the exit status."""
    parser.add_subparsers(required=True, metavar="COMMAND")
