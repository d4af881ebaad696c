"""`s4-host COMMAND [GRID_ID]`: one JSON object on stdout; 0 done, 1 it did not work, 2 refused."""

import json
import os
import subprocess
import sys
from typing import Any

from s4_node.host import lending
from s4_node.host.configuration import BadConfiguration, HostConfiguration, load
from s4_node.host.grids import Grids
from s4_node.host.plain import PlainProcesses
from s4_node.host.refused import Refused, require_grid_id
from s4_node.host.specification import parse
from s4_node.host.systemd import Systemd
from s4_node.host.trouble import code_of

USAGE = """\
usage: s4-host COMMAND [GRID_ID]

  apply GRID_ID   lay out the grid that is specified on stdin, and serve it
  status GRID_ID  whether it is served
  stop GRID_ID    serve it no more; what was stored stays
  remove GRID_ID  the same, and delete what was stored on this machine
  lend            give grids the credentials on stdin, while they are served
  list            how all grids of this host are, and the host itself

Each answers with one JSON object; 0 when it is so, 1 when it could not be done, 2 when it was refused."""


def main() -> int:
    """Run one command, and return the exit code."""
    os.umask(0o077)
    match sys.argv[1:]:
        case [("apply" | "status" | "stop" | "remove") as command, grid_id]:
            answer, code = _outcome(command, grid_id)
        case [("lend" | "list") as command]:
            answer, code = _outcome(command, None)
        case ["-h" | "--help"]:
            print(USAGE)
            return 0
        case _:
            print(USAGE, file=sys.stderr)
            return 2
    print(json.dumps(answer))
    return code


def _outcome(command: str, grid_id: str | None) -> tuple[dict[str, Any], int]:
    try:
        answer = _run(command, grid_id if grid_id is None else require_grid_id(grid_id))
    except Refused as refused:
        return {"state": "refused", "problems": refused.problems}, 2
    except BadConfiguration as error:
        return {"state": "refused", "problems": [str(error)]}, 2
    except (OSError, subprocess.SubprocessError) as error:
        # the class and the file, never the arguments of a command or the content of a file
        where = getattr(error, "filename", None) or ""
        return {"state": "failed", "code": code_of(error), "where": str(where)}, 1
    return answer, 1 if answer.get("state") == "failed" and command in {"apply", "lend"} else 0


def _run(command: str, grid_id: str | None) -> dict[str, Any]:
    configuration = load(os.environ)
    match command, grid_id:
        case "lend", _:
            lent = lending.parse(sys.stdin.buffer.read())
            _prepare(configuration)
            return lending.lend(configuration, lent)
        case "apply", str():
            wanted = parse(grid_id, sys.stdin.buffer.read())
            return _grids(configuration).apply(wanted)
        case "status", str():
            return _grids(configuration).status(grid_id)
        case "stop", str():
            return _grids(configuration).stop(grid_id)
        case "remove", str():
            return _grids(configuration).remove(grid_id)
        case _:
            return _grids(configuration).look()


def _grids(configuration: HostConfiguration) -> Grids:
    _prepare(configuration)
    match configuration.supervisor:
        case "systemd":
            return Grids(configuration, Systemd(configuration))
        case "process":
            return Grids(configuration, PlainProcesses(configuration))


def _prepare(configuration: HostConfiguration) -> None:
    if configuration.user is not None and os.geteuid() != 0:
        raise BadConfiguration("only root runs grids as another user")
    os.umask(0o022)  # the way to the grids is open, each grid is not
    configuration.root.mkdir(parents=True, exist_ok=True)
    os.umask(0o077)
