"""A grid as `s4-host apply` is told about it, checked before anything is touched."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from s4_node.host.credentials import Credentials, credentials_of, problems_of
from s4_node.host.refused import SHARD, Refused, unknown
from s4_node.settings import BadSettings, read

LOCATION = re.compile(r"tcp:[-A-Za-z0-9.]{1,253}:[0-9]{1,5}(,tcp:[-A-Za-z0-9.]{1,253}:[0-9]{1,5})*")
FURL = re.compile(r"pb://[a-z2-7]{32}@(?P<location>[^/\s]+)/[a-z2-7]{16,64}")
SEQUENCE = "announcement-seqnum"
FILES = {
    "introducer": {"private/node.pem": 16384, "private/introducer.furl": 2048},
    "storage": {"private/node.pem": 16384, "private/node.privkey": 256, "private/storage.furl": 2048, SEQUENCE: 32},
}
DEFAULT_WAIT_SECONDS = 20.0
# What may be said about the bucket, in the words of the node's own section, and in the form that a line of it takes.
S3 = ("bucket", "prefix", "region", "endpoint", "addressing", "encryption", "kms_key")
BUCKET = re.compile(r"[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]")  # S3 User Guide, "Bucket naming rules"
S3_TEXT = re.compile(r"[!-$&-~]{0,500}")  # ASCII without blanks; ConfigParser gives the percent sign a meaning


@dataclass(frozen=True)
class NodeSpecification:
    """One node: where it listens, where clients reach it, and the files that are its identity."""

    port: int
    location: str
    files: dict[str, str] = field(repr=False)
    nickname: str = "introducer"


@dataclass(frozen=True)
class Specification:
    """A grid: its introducer and its storage server."""

    grid_id: str
    introducer: NodeSpecification
    storage: NodeSpecification
    introducer_furl: str = field(repr=False)
    s3: dict[str, str] | None  # None: shares are files on this host
    quota_bytes: int | None  # of shares in a bucket
    credentials: Credentials | None  # for the bucket; None: the machine's own
    shard: str | None  # which process serves it, together with others; None: one of its own
    wait_seconds: float

    @property
    def sequence(self) -> int:
        """The lowest announcement number that clients of this grid have not seen yet."""
        return int(self.storage.files[SEQUENCE])


def parse(grid_id: str, body: bytes) -> Specification:
    """The specification of that grid; raises Refused with all that is wrong with it."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(["not JSON"]) from None
    if not isinstance(fields, dict):
        raise Refused(["not a JSON object"])
    problems = unknown("", fields, {"grid_id", "introducer", "storage", "shard", "wait_seconds"})
    if fields.get("grid_id") != grid_id:
        problems.append("grid_id: not the one of the command")
    wait = fields.get("wait_seconds", DEFAULT_WAIT_SECONDS)
    if type(wait) not in {int, float} or not 0 <= wait <= 300:
        problems.append("wait_seconds: not from 0 to 300")
    shard = fields.get("shard")
    if shard is not None and (not isinstance(shard, str) or not SHARD.fullmatch(shard)):
        problems.append("shard: neither null nor a name of at most 20 of a-z, 0-9 and -, the first no -")
    parts = {name: part if isinstance(part := fields.get(name), dict) else {} for name in FILES}
    for name, part in parts.items():
        problems += _node_problems(name, part)
    problems += _storage_problems(parts["introducer"], parts["storage"])
    if problems:
        raise Refused(problems)
    storage = parts["storage"]
    return Specification(
        grid_id,
        _node(parts["introducer"], "introducer"),
        _node(storage, storage["nickname"]),
        storage["introducer_furl"],
        _in_order(storage.get("s3")),
        storage.get("quota_bytes"),
        credentials_of(storage["credentials"]) if storage.get("credentials") else None,
        shard,
        float(wait),
    )


def _in_order(s3: dict[str, str] | None) -> dict[str, str] | None:
    return None if s3 is None else {name: s3[name] for name in S3 if name in s3}


def _node(part: dict[str, Any], nickname: str) -> NodeSpecification:
    return NodeSpecification(part["port"], part["location"], dict(part["files"]), nickname)


def _node_problems(name: str, part: dict[str, Any]) -> list[str]:
    known = {"port", "location", "files"} | (
        {"nickname", "introducer_furl", "s3", "quota_bytes", "credentials"} if name == "storage" else set()
    )
    problems = unknown(f"{name}: ", part, known)
    port, location, files = part.get("port"), part.get("location"), part.get("files")
    if type(port) is not int or not 1024 <= port <= 65535:
        problems.append(f"{name}.port: not from 1024 to 65535")
    if not isinstance(location, str) or not LOCATION.fullmatch(location):
        problems.append(f"{name}.location: not tcp:HOST:PORT[,tcp:HOST:PORT]")
    if not isinstance(files, dict) or files.keys() != FILES[name].keys():
        return [*problems, f"{name}.files: must be exactly {', '.join(sorted(FILES[name]))}"]
    for file, limit in FILES[name].items():
        text = files[file]
        if not isinstance(text, str) or not 0 < len(text) <= limit or not text.isascii():
            problems.append(f"{name}.files.{file}: not ASCII text of at most {limit} bytes")
        elif not _is_shaped(file, text, location):
            problems.append(f"{name}.files.{file}: not in the form of such a file, or of another location")
    return problems


def _is_shaped(file: str, text: str, location: object) -> bool:
    match file.rpartition(".")[2]:
        case "pem":
            return "-----BEGIN CERTIFICATE-----" in text and "PRIVATE KEY-----" in text
        case "furl":
            furl = FURL.fullmatch(text.strip())
            return furl is not None and furl["location"] == location
        case "privkey":
            return re.fullmatch(r"priv-v0-[a-z2-7]{52}", text.strip()) is not None
        case _:
            return re.fullmatch(r"[0-9]{1,18}", text.strip()) is not None


def _storage_problems(introducer: dict[str, Any], storage: dict[str, Any]) -> list[str]:
    problems = []
    nickname, furl, quota = storage.get("nickname"), storage.get("introducer_furl"), storage.get("quota_bytes")
    if not isinstance(nickname, str) or not 0 < len(nickname) <= 100 or not nickname.isprintable():
        problems.append("storage.nickname: not one line of at most 100 characters")
    files = introducer.get("files")
    own = files.get("private/introducer.furl") if isinstance(files, dict) else None
    if not isinstance(furl, str) or not isinstance(own, str) or furl != own.strip():
        problems.append("storage.introducer_furl: not the introducer's furl")
    if quota is not None and (type(quota) is not int or quota <= 0):
        problems.append("storage.quota_bytes: neither null nor a number of bytes")
    if introducer.get("port") == storage.get("port"):
        problems.append("storage.port: the introducer's")
    if storage.get("credentials") is not None:
        problems += problems_of("storage.credentials", storage["credentials"])
        problems += [] if storage.get("s3") is not None else ["storage.credentials: there is no bucket for them"]
    return problems + _s3_problems(storage.get("s3"))


def _s3_problems(s3: object) -> list[str]:
    if s3 is None:
        return []
    if not isinstance(s3, dict):
        return ["storage.s3: neither null nor an object"]
    problems = unknown("storage.s3: ", s3, set(S3))
    lines = {name: s3[name] for name in S3 if name in s3}
    wrong = [name for name, text in lines.items() if not isinstance(text, str) or not S3_TEXT.fullmatch(text)]
    problems += [f"storage.s3.{name}: not one line of ASCII without blanks" for name in wrong]
    if problems:
        return problems
    if not BUCKET.fullmatch(lines.get("bucket", "")):
        return ["storage.s3.bucket: not the name of a bucket"]
    try:
        read(lines, Path())
    except BadSettings as bad:
        return [f"storage.s3.{problem}" for problem in bad.problems]
    return []
