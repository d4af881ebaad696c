"""The process that answers for the whole crowd.

Commands are JSON lines on stdin, each answered by one line on stdout; at the end of stdin the process ends.
"""

import asyncio
import json
import logging
import os
import resource
import sys
from typing import Any

from s4_devcloud.machines.crowd.behaviour import BehaviourRefused
from s4_devcloud.machines.crowd.member import Member

COMMAND_BYTES = 16 * 2**20


class Crowd:
    """All machines by id."""

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}

    def obey(self, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command. Raises BehaviourRefused."""
        if command["do"] == "boot":
            arguments = (command["address"], command["ssh_port"], command["host_keys"], command["authorized"])
            self.members[command["id"]] = Member(*arguments)
            return {}
        member = self.members.get(command["id"])
        return _told(member, command) if member else {}

    def forget(self, machine_id: str) -> None:
        """Nothing of this machine is left."""
        if member := self.members.pop(machine_id, None):
            member.end()


def _told(member: Member, command: dict[str, Any]) -> dict[str, Any]:
    match command["do"]:
        case "allow":
            return {"taken": member.allow(command["ranges"])}
        case "behave":
            member.behave(command["changes"])
        case "well":
            member.well()
        case "cut-off":
            member.cut_off()
        case "reconnect":
            member.reconnect()
        case _:
            member.end()
    return {}


async def _serve() -> None:
    crowd, commands = Crowd(), asyncio.StreamReader(limit=COMMAND_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        command = json.loads(line)
        try:
            answer = crowd.obey(command)
            if command["do"] == "destroy":
                crowd.forget(command["id"])
        except BehaviourRefused as refused:
            answer = {"refused": str(refused)}
        except ValueError as wrong:  # a key that is none
            answer = {"failed": type(wrong).__name__}
        os.write(sys.stdout.fileno(), json.dumps(answer).encode() + b"\n")


def main() -> None:
    """Serve until nobody gives commands any more."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    asyncio.run(_serve())


if __name__ == "__main__":
    main()
