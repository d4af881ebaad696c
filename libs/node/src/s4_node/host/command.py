"""`s4-host apply|status|stop|remove GRID_ID`: one JSON object on stdout; 0 done, 1 it did not work, 2 refused."""

import json
import os
import subprocess
import sys
from typing import Any

from s4_node.host.configuration import BadConfiguration, HostConfiguration, load
from s4_node.host.grids import Grids
from s4_node.host.owner import owner_named
from s4_node.host.plain import PlainProcesses
from s4_node.host.specification import Refused, parse, require_grid_id
from s4_node.host.systemd import Systemd

USAGE = """\
usage: s4-host COMMAND GRID_ID

  apply   lay out the grid that is specified on stdin, and serve it
  status  whether it is served
  stop    serve it no more; what was stored stays
  remove  the same, and delete what was stored on this machine

Each answers with one JSON object; 0 when it is so, 1 when it could not be done, 2 when it was refused."""


def main() -> int:
    """Run one command, and return the exit code."""
    os.umask(0o077)
    match sys.argv[1:]:
        case [("apply" | "status" | "stop" | "remove") as command, grid_id]:
            answer, code = _outcome(command, grid_id)
            print(json.dumps(answer))
            return code
        case ["-h" | "--help"]:
            print(USAGE)
            return 0
        case _:
            print(USAGE, file=sys.stderr)
            return 2


def _outcome(command: str, grid_id: str) -> tuple[dict[str, Any], int]:
    try:
        answer = _run(command, require_grid_id(grid_id))
    except Refused as refused:
        return {"state": "refused", "problems": refused.problems}, 2
    except BadConfiguration as error:
        return {"state": "refused", "problems": [str(error)]}, 2
    except (OSError, subprocess.SubprocessError) as error:
        # the class and the file, never the arguments of a command or the content of a file
        where = getattr(error, "filename", None) or ""
        return {"state": "failed", "code": type(error).__name__, "where": str(where)}, 1
    return answer, 1 if answer["state"] == "failed" and command == "apply" else 0


def _run(command: str, grid_id: str) -> dict[str, Any]:
    configuration = load(os.environ)
    match command:
        case "apply":
            wanted = parse(grid_id, sys.stdin.buffer.read())
            return _grids(configuration).apply(wanted)
        case "status":
            return _grids(configuration).status(grid_id)
        case "stop":
            return _grids(configuration).stop(grid_id)
        case _:
            return _grids(configuration).remove(grid_id)


def _grids(configuration: HostConfiguration) -> Grids:
    if configuration.user is not None and os.geteuid() != 0:
        raise BadConfiguration("only root runs grids as another user")
    os.umask(0o022)  # the way to the grids is open, each grid is not
    configuration.root.mkdir(parents=True, exist_ok=True)
    os.umask(0o077)
    owner = owner_named(configuration.user)
    match configuration.supervisor:
        case "systemd":
            return Grids(configuration, Systemd(configuration), owner)
        case "process":
            return Grids(configuration, PlainProcesses(configuration, owner), owner)
