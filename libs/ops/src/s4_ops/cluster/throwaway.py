"""Clusters for a trial: each with a name nobody else has, and a time after which anybody may delete it."""

import secrets
from datetime import datetime, timedelta

import msgspec

from s4_ops.cluster.spec import Spec
from s4_runtime import Permanent

LONGEST = timedelta(days=14)
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that is taken for another
_PREFIX = "throwaway-"


def fresh_name(spec: Spec) -> str:
    """A name in the spec's zone that no other cluster has."""
    return f"{_PREFIX}{''.join(secrets.choice(_LETTERS) for _ in range(6))}.{spec.dns_zone}"


def until(spec: Spec, name: str, now: datetime, lasting: timedelta) -> Spec:
    """The spec of this one throw-away cluster. Raises Permanent."""
    if not timedelta(0) < lasting <= LONGEST:
        raise Permanent("lasts-too-long", most=f"{LONGEST.days}d")
    return named(spec, name, (now + lasting).replace(microsecond=0).strftime("%Y-%m-%dT%H:%M:%SZ"))


def named(spec: Spec, name: str, expires: str | None) -> Spec:
    """The spec of the throw-away cluster of this name. Raises Permanent for a name that is not one's."""
    label, _, zone = name.partition(".")
    if not label.startswith(_PREFIX) or zone != spec.dns_zone:
        raise Permanent("not-a-throwaway-name", given=name, wanted=f"{_PREFIX}...{spec.dns_zone}")
    return msgspec.structs.replace(spec, name=name, expires=expires)


def has_expired(expires: str | None, now: datetime) -> bool:
    """Whether the time in the tag is over; what cannot be read never is."""
    try:
        return expires is not None and datetime.fromisoformat(expires) <= now
    except (ValueError, TypeError):
        return False
