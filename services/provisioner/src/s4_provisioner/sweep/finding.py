"""Whose a thing is, and whether that owner is there. Pure."""

import base64
import binascii
import re
import uuid
from collections.abc import Collection, Mapping
from typing import Literal

import msgspec

from s4_contracts.ids import GridId, HostId
from s4_runtime import is_id

What = Literal["ownerless", "missing", "changed"]
BUCKET, NAME = "s3:bucket", "dns:name"
_LABEL = re.compile(r"g([a-z2-7]{26})")
_ID_LENGTH = 36
# What a deployment has once, for all of its grids: its owner is the deployment.
_COMMON = {"ec2:security-group", "ec2:security-group-rule"}
_AT_EC2 = {"instance": "ec2:instance"}


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """Something on a platform. ``grid_id`` and ``host_id``: by its tags, or by its name."""

    kind: str
    id: str
    region: str
    grid_id: GridId | None = None
    host_id: HostId | None = None
    is_tagged: bool = True


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What does not fit: a thing without an owner, an owner without its thing, or a thing that somebody changed."""

    what: What
    kind: str
    thing: str
    region: str
    grid_id: GridId | None = None
    host_id: HostId | None = None
    holds_data: bool = False


def thing_of(kind: str, id_: str, region: str, tags: Mapping[str, str], deployment: str) -> Thing | None:
    """The thing, with whose it is; None for one that only looks as if it were this deployment's.

    The name of another deployment may begin with the name of this one.
    """
    grid, host = tags.get("s4:grid"), tags.get("s4:host")
    named = id_[-_ID_LENGTH:]
    is_named = id_ == f"s4-{deployment}-{named}" and is_id(named)
    if tags.get("s4:deployment", deployment if is_named else None) != deployment:
        return None
    if grid is None and is_named:
        grid = named
    return Thing(
        kind=_AT_EC2.get(kind, kind),
        id=id_,
        region=region,
        grid_id=GridId(grid) if grid else None,
        host_id=HostId(host) if host else None,
        is_tagged=tags.get("s4:deployment") == deployment,
    )


def grid_of_name(name: str, domain: str) -> GridId | None:
    """The grid whose DNS name this is; None for a name that we never gave."""
    label = _LABEL.fullmatch(name.removesuffix(f".{domain}"))
    if label is None:
        return None
    try:
        return GridId(str(uuid.UUID(bytes=base64.b32decode(label[1].upper() + "======"))))
    except (binascii.Error, ValueError):
        return None


def is_common(thing: Thing, names: Collection[str]) -> bool:
    """Whether the thing is the whole deployment's."""
    return (
        thing.grid_id is None and thing.host_id is None and (thing.id in names or thing.kind in _COMMON - {"iam:role"})
    )


def ownerless(thing: Thing, grids: Collection[str], hosts: Collection[str], common: Collection[str]) -> bool:
    """Whether nobody whom we know has the thing. ``grids`` and ``hosts``: those that are there, or not gone yet."""
    if is_common(thing, common):
        return False
    if thing.host_id is not None:
        return thing.host_id not in hosts
    return thing.grid_id not in grids


def may_hold_data(kind: str, *, is_empty: bool) -> bool:
    """Whether a customer's data may be lost with a thing of this kind."""
    return kind == BUCKET and not is_empty


def may_go(finding: Finding, approvals: Collection[str], *, is_due: bool) -> bool:
    """Whether it may be removed: after the hold, or as soon as one has approved; what holds data, only if two have.

    A name has no tag that says whose it is: another deployment may have it in the same domain, so one must approve.
    """
    if finding.what != "ownerless":
        return False
    if finding.holds_data:
        return len(approvals) >= 2
    return bool(approvals) or (is_due and finding.kind != NAME)
