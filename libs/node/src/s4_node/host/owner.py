"""Who owns the grids' files, and how the host command takes that part."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Owner:
    """A user of the system, and the group of the same name."""

    uid: int
    gid: int

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Files are read and written as this user meanwhile.

        A node that was broken into owns its directory: a link that it leaves there must lead root nowhere.
        """
        if os.geteuid() == self.uid:
            yield
            return
        groups = os.getgroups()
        os.setgroups([])
        os.setegid(self.gid)
        os.seteuid(self.uid)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(0)
            os.setgroups(groups)


def shard_user(name: str) -> str:
    """Who runs the shard of that name, and nothing else."""
    return f"s4-shard-{name}"


def owner_named(name: str | None) -> Owner:
    """The owner of that name, who is made when missing; None is whoever runs the command."""
    if name is None:
        return Owner(os.geteuid(), os.getegid())
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        subprocess.run(  # noqa: S603  no shell, and the name is the host's own configuration
            ["/usr/sbin/useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
             "--shell", "/usr/sbin/nologin", name],
            check=True,
            capture_output=True,
        )  # fmt: skip
        entry = pwd.getpwnam(name)
    return Owner(entry.pw_uid, entry.pw_gid)


def owner_of(user: str | None, shard: str | None) -> Owner:
    """Whose a grid of that shard is, or (None) one with a process of its own, where `user` runs those.

    Without a user all is of whoever runs the command.
    """
    return owner_named(user if user is None or shard is None else shard_user(shard))
