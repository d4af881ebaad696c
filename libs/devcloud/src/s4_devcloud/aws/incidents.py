"""Faults that happen at once, when the control API is told."""

import time
from collections.abc import Callable
from typing import Any

from s4_devcloud.aws.faults import FaultRefused
from s4_devcloud.aws.fleet import Fleet
from s4_devcloud.aws.health import CHECKS, EVENT_CODES, Event, Health
from s4_devcloud.aws.sessions import end_sessions
from s4_devcloud.machines.crowd.behaviour import BehaviourRefused

Described = dict[str, Any]
DONE = {"done": True}


def happen(fleet: Fleet, described: Described) -> dict[str, Any] | None:
    """What came of it; None when it is nothing that happens at once. Raises FaultRefused."""
    incident = INCIDENTS.get(str(described.get("kind")))
    return incident(fleet, described) if incident else None


def _lost(fleet: Fleet, described: Described) -> dict[str, Any]:
    shows = described.get("shows", "impaired")
    if shows not in {"impaired", "terminated"}:
        raise FaultRefused("shows is impaired or terminated")
    return _done(fleet.lose(_id(described), shows))


def _unreachable(fleet: Fleet, described: Described) -> dict[str, Any]:
    shows = described.get("shows", "ok")
    if shows not in {"ok", "impaired"}:
        raise FaultRefused("shows is ok or impaired")
    done = _done(fleet.cut_off(_id(described), is_cut=True))
    if shows == "impaired":
        _health(fleet, described).said_to_fail.add("instance")
    return done


def _reachable(fleet: Fleet, described: Described) -> dict[str, Any]:
    done = _done(fleet.cut_off(_id(described), is_cut=False))
    _health(fleet, described).said_to_fail.clear()
    return done


def _impaired(fleet: Fleet, described: Described) -> dict[str, Any]:
    checks = described.get("checks", ["instance"])
    if not isinstance(checks, list) or not set(checks) <= set(CHECKS):
        raise FaultRefused(f"checks is a list of {', '.join(CHECKS)}; an empty one heals")
    _health(fleet, described).said_to_fail = set(checks)
    return DONE


def _event(fleet: Fleet, described: Described) -> dict[str, Any]:
    code, seconds = described.get("code", "instance-retirement"), described.get("seconds", 0)
    if code not in EVENT_CODES:
        raise FaultRefused(f"code is one of {', '.join(EVENT_CODES)}")
    if not isinstance(seconds, int | float):
        raise FaultRefused("seconds is a number")
    text = str(described.get("description", "The instance is running on degraded hardware"))
    _health(fleet, described).events.append(Event(code, time.time() + seconds, text))
    return DONE


def _no_events(fleet: Fleet, described: Described) -> dict[str, Any]:
    _health(fleet, described).events.clear()
    return DONE


def _ended_sessions(_: Fleet, described: Described) -> dict[str, Any]:
    role = described.get("role")
    if not isinstance(role, str):
        raise FaultRefused("role is needed")
    return {"ended": end_sessions(role, str(described.get("session", "")))}


def _behave(fleet: Fleet, described: Described) -> dict[str, Any]:
    changes = {name: value for name, value in described.items() if name not in {"kind", "instance_id"}}
    which = described.get("instance_id")
    ids = fleet.running() if which == "*" else which if isinstance(which, list) else [which]
    try:
        done = [each for each in ids if fleet.behave(str(each), changes)]
    except BehaviourRefused as refused:
        raise FaultRefused(str(refused)) from None
    if len(done) < len(ids):
        raise FaultRefused("no machine runs for this instance_id")
    return {"machines": len(done)}


INCIDENTS: dict[str, Callable[[Fleet, Described], dict[str, Any]]] = {
    "lost": _lost,
    "unreachable": _unreachable,
    "reachable": _reachable,
    "impaired": _impaired,
    "behave": _behave,
    "event": _event,
    "no-events": _no_events,
    "ended-sessions": _ended_sessions,
}


def _id(described: Described) -> str:
    return str(described.get("instance_id"))


def _health(fleet: Fleet, described: Described) -> Health:
    health = fleet.health(_id(described))
    if health is None:
        raise FaultRefused("no machine runs for this instance_id")
    return health


def _done(found: bool) -> dict[str, Any]:  # noqa: FBT001  the answer of the fleet
    if not found:
        raise FaultRefused("no machine runs for this instance_id")
    return DONE
