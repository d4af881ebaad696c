"""What a call to EC2 or IAM is about, where moto does not know it: ARNs, and the tags that conditions speak of."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from moto.ec2.models import ec2_backends
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

_KINDS = {"i": "instance", "vol": "volume", "sg": "security-group"}
_NAMED = re.compile(r"(?:InstanceId|ResourceId)\.\d+|GroupId|InstanceId")
_TAG = re.compile(r"((?:TagSpecification\.\d+\.)?Tag\.\d+)\.Key")
# Of these calls the policies of those who make them speak by tag or ARN.
_ACTIONS = {
    *("ec2:CreateTags", "ec2:TerminateInstances"),
    *("ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"),
}


def of_ec2(action: str, account: str, region: str, sent: Mapping[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """Each thing that the call names: its ARN, and its tags as keys of conditions. Nothing for other calls."""
    if action not in _ACTIONS:
        return []
    ids = sorted({value for name, value in _first(sent).items() if _NAMED.fullmatch(name)})
    tags: Any = ec2_backends[account][region].tags
    return [(_arn(account, region, each), _keys("aws:ResourceTag", dict(tags.get(each, {})))) for each in ids]


def requested_tags(sent: Mapping[str, Any]) -> dict[str, str]:
    """The tags that a call would put on something, as keys of conditions."""
    data = _first(sent)
    found = {match.group(1): value for name, value in data.items() if (match := _TAG.fullmatch(name))}
    return _keys("aws:RequestTag", {key: data.get(f"{place}.Value", "") for place, key in found.items()})


def of_iam(account: str, role: str | None, profile: str | None, path: str | None) -> str | None:
    """The ARN of the role or profile that a call names; one that is not there yet has the path that it is given."""
    backend = iam_backends[account]["aws"]
    if profile:
        with suppress(NotFoundException):
            return str(backend.get_instance_profile(profile).arn)
        return f"arn:aws:iam::{account}:instance-profile{path or '/'}{profile}"
    if role:
        with suppress(NotFoundException):
            return str(backend.get_role(role).arn)
        return f"arn:aws:iam::{account}:role{path or '/'}{role}"
    return None


def _first(sent: Mapping[str, Any]) -> dict[str, str]:
    """Moto keeps each field of a form as a list."""
    return {name: value[0] if isinstance(value, list) else value for name, value in sent.items()}


def _arn(account: str, region: str, id_: str) -> str:
    kind = _KINDS.get(id_.partition("-")[0], "unknown")
    return f"arn:aws:ec2:{region}:{account}:{kind}/{id_}"


def _keys(prefix: str, tags: Mapping[str, str]) -> dict[str, str]:
    return {f"{prefix}/{key}": value for key, value in tags.items()}
