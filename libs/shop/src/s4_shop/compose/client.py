"""A customer's own Tahoe-LAFS client, where the grids of the emulated cloud can be reached."""

import os
from pathlib import Path

from s4_shop.compose.demo import TAHOE

_SHARES = ["--shares-needed=1", "--shares-happy=1", "--shares-total=1"]


class NoGrid(Exception):
    """The client cannot run; the text says what to type first."""


def join(folder: Path, mailbox: str, code: str) -> None:
    """The client is of the grid that the invite code is for. Does not return."""
    page = "--webport=tcp:3456:interface=0.0.0.0"
    create = ["create-client", f"--join={code}", "--nickname=compose", page, *_SHARES, str(folder)]
    os.execv(TAHOE, [str(TAHOE), "--wormhole-server", mailbox, *create])  # noqa: S606  no shell is wanted


def serve(folder: Path) -> None:
    """The client runs until it is told to end. Raises NoGrid before it belongs to one."""
    if not (folder / "tahoe.cfg").exists():
        raise NoGrid("it belongs to no grid yet: docker compose run --rm join CODE")
    os.execv(TAHOE, [str(TAHOE), "run", "--allow-stdin-close", str(folder)])  # noqa: S606  no shell is wanted
