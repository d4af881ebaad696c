"""The S3 section of a node's tahoe.cfg, read once and checked whole.

The section's name begins with `storageserver.plugins.`, under which Tahoe-LAFS accepts any key, so that its own
`tahoe` command goes on reading the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from s4_node.s3.values import Addressing, Checksum, Encryption, Store

SECTION = "storageserver.plugins.s4-s3-v1"
KIB, MIB = 2**10, 2**20
LEAST_PART = 5 * MIB  # S3 User Guide, "Amazon S3 multipart upload limits"


class BadSettings(ValueError):
    """The section is wrong; `problems` names every line that is."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Caps:
    """What one grid may take of the process it shares."""

    spool_bytes: int = 4096 * MIB  # of uploads that are not yet in the bucket, on disk
    cache_bytes: int = 32 * MIB  # of shares read, in memory
    mutable_bytes: int = 32 * MIB  # of mutable shares being read and rewritten, in memory
    requests: int = 8  # to S3 at once
    parts: int = 3  # of one upload, on their way at once


@dataclass(frozen=True)
class StorageSettings:
    """How one grid stores."""

    store: Store
    spool: Path  # a folder of its own for uploads on their way
    caps: Caps = Caps()
    part_bytes: int = 8 * MIB
    block_bytes: int = 1 * MIB
    read_ahead: int = 3  # blocks
    quota_bytes: int | None = None
    single_writer: bool = False  # accept a store that ignores conditions on writes


_INTEGERS = {
    "spool_bytes": 64 * MIB,
    "cache_bytes": 4 * MIB,
    "mutable_bytes": 8 * MIB,
    "requests": 2,
    "parts": 1,
    "part_bytes": LEAST_PART,
    "block_bytes": 64 * KIB,
    "read_ahead": 0,
    "quota_bytes": 1,
}
_CHOICES = {"addressing": get_args(Addressing), "encryption": get_args(Encryption), "checksum": get_args(Checksum)}
_TEXTS = ("bucket", "prefix", "endpoint", "region", "kms_key", "credentials", "spool")
_KNOWN = {*_INTEGERS, *_CHOICES, *_TEXTS, "single_writer"}


def read(section: Mapping[str, str], node_directory: Path) -> StorageSettings:
    """The settings of a section's lines. Raises BadSettings with everything that is wrong, each by its name.

    Relative paths are relative to the node's directory.
    """
    lines = {name: text.strip() for name, text in section.items() if text.strip()}
    problems = [f"{name}: there is no such setting" for name in sorted(lines.keys() - _KNOWN)]
    numbers = {name: _integer(name, lines[name], problems) for name in _INTEGERS if name in lines}
    problems += [
        f"{name}: one of {', '.join(choices)}"
        for name, choices in _CHOICES.items()
        if name in lines and lines[name] not in choices
    ]
    problems += _text_problems(lines)
    if problems:
        raise BadSettings(problems)
    caps = {name: value for name, value in numbers.items() if name in Caps.__dataclass_fields__}
    own = {name: value for name, value in numbers.items() if name not in caps}
    return StorageSettings(
        store=_store(lines, node_directory),
        spool=node_directory / lines.get("spool", "spool"),
        caps=Caps(**caps),
        single_writer=lines.get("single_writer") == "true",
        **own,
    )


def _store(lines: Mapping[str, str], node_directory: Path) -> Store:
    fields = {name: lines[name] for name in Store.__dataclass_fields__ if name in lines}
    if "prefix" in fields:
        path = fields["prefix"].strip("/")
        fields["prefix"] = path and path + "/"
    kind, _, path = fields.get("credentials", "chain").partition(":")
    if kind == "file":
        fields["credentials"] = f"file:{node_directory / path}"
    return Store(**fields)  # type: ignore[arg-type]  # the choices were checked


def _integer(name: str, text: str, problems: list[str]) -> int:
    if not text.isdecimal() or int(text) < _INTEGERS[name]:
        problems.append(f"{name}: a whole number, at least {_INTEGERS[name]}")
        return _INTEGERS[name]
    return int(text)


def _text_problems(lines: Mapping[str, str]) -> list[str]:
    problems = []
    if "bucket" not in lines:
        problems.append("bucket: is missing")
    if not lines.get("endpoint", "https://").startswith(("http://", "https://")):
        problems.append("endpoint: begins with https:// or http://")
    kind, _, rest = lines.get("credentials", "chain").partition(":")
    if (kind, bool(rest)) not in {("chain", False), ("profile", True), ("file", True)}:
        problems.append("credentials: chain, profile:NAME or file:PATH")
    if "kms_key" in lines and lines.get("encryption") != "aws:kms":
        problems.append("kms_key: is for encryption = aws:kms")
    if lines.get("single_writer", "false") not in {"true", "false"}:
        problems.append("single_writer: true or false")
    return problems
