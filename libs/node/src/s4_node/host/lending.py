"""Credentials for many grids at once: each is where its node reads it, and no node is restarted for it."""

import json
from collections.abc import Mapping
from typing import Any

from s4_node.host.configuration import HostConfiguration
from s4_node.host.credentials import PATH, Credentials, credentials_of, problems_of
from s4_node.host.files import Busy, only_one, replace
from s4_node.host.homes import Homes
from s4_node.host.refused import GRID_ID, Refused, unknown
from s4_node.host.trouble import code_of

AT_ONCE_SECONDS, PATIENCE_SECONDS = 0.0, 10.0


def parse(body: bytes) -> dict[str, Credentials]:
    """What is lent, by grid; raises Refused with all that is wrong with it."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(["not JSON"]) from None
    if not isinstance(fields, dict) or not isinstance(grids := fields.get("grids"), dict):
        raise Refused(["not a JSON object with an object of grids"])
    problems = unknown("", fields, {"grids"})
    named = {grid_id: one for grid_id, one in grids.items() if GRID_ID.fullmatch(grid_id)}
    problems += [f"grids: not a UUID in lower case: {wrong}"] if (wrong := len(grids) - len(named)) else []
    for grid_id, one in named.items():
        problems += problems_of(f"grids.{grid_id}", one)
    if problems:
        raise Refused(problems)
    return {grid_id: credentials_of(one) for grid_id, one in sorted(named.items())}


def lend(host: HostConfiguration, lent: Mapping[str, Credentials]) -> dict[str, Any]:
    """Which grids have theirs, and which are absent: not on this host, or without lent credentials until now.

    Each that is neither is in `failed` with a code, and has what it had. A grid that another command works on comes
    last and keeps none of the others waiting.
    """
    outcomes: dict[str, str] = {}
    for patience in (AT_ONCE_SECONDS, PATIENCE_SECONDS):
        for grid_id, credentials in lent.items():
            if outcomes.get(grid_id, "busy") == "busy":
                outcomes[grid_id] = _outcome(host, grid_id, credentials, patience)
    failed = {grid_id: code for grid_id, code in outcomes.items() if code not in {"lent", "absent"}}
    answer = {word: [grid_id for grid_id in lent if outcomes[grid_id] == word] for word in ("lent", "absent")}
    return {**answer, **({"state": "failed", "failed": failed} if failed else {})}


def _outcome(host: HostConfiguration, grid_id: str, credentials: Credentials, patience: float) -> str:
    if Homes(host.root).find(grid_id) is None:
        return "absent"
    try:
        with only_one(host.notes, grid_id, patience):
            return _write(host, grid_id, credentials)
    except Busy:
        return "busy"
    except OSError as error:
        return code_of(error)


def _write(host: HostConfiguration, grid_id: str, credentials: Credentials) -> str:
    home = Homes(host.root).find(grid_id)
    if home is None:
        return "absent"
    owner = home.owner
    if owner.uid == 0 and host.user is not None:
        return "absent"  # a command was killed while it handed the directory over: apply makes that good
    with owner.acting():
        if not (home.path / "storage" / PATH).is_file():
            return "absent"
    replace(home.path / "storage", {PATH: credentials.text}, owner)
    return "lent"
