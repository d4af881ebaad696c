"""The real mailbox server of magic-wormhole, which a test stops, starts and robs of its memory."""

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

from s4_shop.ports import free_port
from support.waiting import until


class MailboxServer:
    """One server, at one address for all of its lives."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"ws://127.0.0.1:{self._port}/v1"

    async def start(self) -> None:
        """It takes clients, if it did not before."""
        if self._process is not None:
            return
        self._process = self._spawned()
        await until(self._answers, within=30, what="a mailbox server")

    def _spawned(self) -> subprocess.Popen[bytes]:
        listen = f"--port=tcp:{self._port}:interface=127.0.0.1"
        command = [sys.executable, "-m", "twisted", "wormhole-mailbox", listen, "--disallow-list"]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*command, f"--channel-db={self.database}"], cwd=self._folder, stdout=log, stderr=log
            )

    def stop(self) -> None:
        """It has ended as by a power cut."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    async def restart(self, *, forgetting: bool = False) -> None:
        """It is back, with or without what it knew."""
        self.stop()
        if forgetting:
            for path in self._folder.glob("channels.sqlite*"):
                path.unlink()
        await self.start()

    async def prune(self) -> None:
        """It was away for a while, and has dropped what nobody had touched for eleven minutes."""
        self.stop()
        with sqlite3.connect(self.database) as database:
            for table in ("nameplate_sides", "nameplates", "messages", "mailbox_sides", "mailboxes"):
                database.execute(f"delete from {table}")  # noqa: S608  names of theirs
        database.close()
        await self.start()

    def said_at(self, nameplate: str) -> int:
        """How many messages are in the mailbox that the number leads to."""
        return self._asked(
            "select count(*) from messages join nameplates using (mailbox_id) where nameplates.name = ?", nameplate
        )

    def said_at_any(self) -> int:
        """The numbers that lead to a mailbox with something in it."""
        return self._asked("select count(distinct name) from messages join nameplates using (mailbox_id)")

    def knows(self, nameplate: str) -> bool:
        """Whether the number leads anywhere."""
        return self._asked("select count(*) from nameplates where name = ?", nameplate) > 0

    def _asked(self, sql: str, *arguments: str) -> int:
        database = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        try:
            return int(database.execute(sql, arguments).fetchone()[0])
        finally:
            database.close()

    def text(self) -> str:
        """All that the server knows and has logged."""
        found = [path.read_bytes() for path in self._folder.iterdir() if path.is_file()]
        return b"\n".join(found).decode("latin-1")

    @property
    def database(self) -> Path:
        """What it keeps."""
        return self._folder / "channels.sqlite"

    async def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
        _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.close()
        return True
