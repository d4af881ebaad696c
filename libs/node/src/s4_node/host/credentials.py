"""Credentials that a grid is lent for its bucket: checked, and written as AWS' shared credentials file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from s4_node.host.refused import unknown

PATH = "private/lent-credentials"  # in the storage server's directory, whose tahoe.cfg names it
FIELDS = {"access_key_id": 128, "secret_access_key": 256, "session_token": 8192}  # longest of each
_UNTIL = "expires_at = "
_TEXT = re.compile(r"[!-~]+")  # ASCII without blanks: what a line of the file takes as it is
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|\+00:00)")


@dataclass(frozen=True)
class Credentials:
    """A session of a role, as STS hands it out. Whether it has expired is S3's to say: a host's clock may be off."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: str  # RFC 3339, UTC

    @property
    def text(self) -> str:
        """The file that the node reads. Its last line is for the host alone; AWS' own readers pass over it."""
        return (
            "[default]\n"
            f"aws_access_key_id = {self.access_key_id}\n"
            f"aws_secret_access_key = {self.secret_access_key}\n"
            f"aws_session_token = {self.session_token}\n"
            f"{_UNTIL}{self.expires_at}\n"
        )


def expiry_of(text: str) -> str | None:
    """Until when the credentials of such a file are good; None where it does not say."""
    said = [line.removeprefix(_UNTIL) for line in text.splitlines() if line.startswith(_UNTIL)]
    return said[0] if said and is_moment(said[0]) else None


def credentials_of(fields: Mapping[str, Any]) -> Credentials:
    """Fields that have no problems."""
    return Credentials(**{name: fields[name] for name in (*FIELDS, "expires_at")})


def problems_of(where: str, fields: object) -> list[str]:
    """What is wrong with them, each by the name of its field, never by what was in it."""
    if not isinstance(fields, dict):
        return [f"{where}: not an object"]
    problems = unknown(f"{where}: ", fields, {*FIELDS, "expires_at"})
    for name, longest in FIELDS.items():
        text = fields.get(name)
        if not isinstance(text, str) or len(text) > longest or not _TEXT.fullmatch(text):
            problems.append(f"{where}.{name}: not one to {longest} characters of ASCII without blanks")
    if not is_moment(fields.get("expires_at")):
        problems.append(f"{where}.expires_at: not a moment in UTC as RFC 3339 writes it")
    return problems


def is_moment(text: object) -> bool:
    """Whether it is a moment in UTC, such as 2030-01-02T03:04:05Z."""
    if not isinstance(text, str) or not _MOMENT.fullmatch(text):
        return False
    try:
        return datetime.fromisoformat(text).utcoffset() == timedelta(0)
    except ValueError:
        return False
