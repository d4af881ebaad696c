"""What a backup says of itself: written last, so that what has none is no backup."""

import re
import secrets
from datetime import datetime

import msgspec

from s4_runtime import Permanent

VERSION = 1
NAME = "manifest.json"
SECRETS = "secrets/files.json.age"
_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
_PIECE = re.compile(r"(databases|secrets)/[a-z][a-z0-9_]*\.(dump|json)\.age")


class Unfinished(Permanent):
    """There is no backup of this name: nothing, or one that was ended before it was done."""


class Unreadable(Permanent):
    """The manifest is none that this release can read."""


class Piece(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One encrypted file. Sizes in bytes; hashes are SHA-256 of what lies there, and of what was encrypted."""

    name: str
    size: int
    sha256: str
    plain_size: int
    plain_sha256: str


class Database(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which release the rows are of: ``package/file`` and checksum of each migration, in order."""

    migrations: dict[str, str]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One whole backup. ``taken_at`` is the moment whose state it holds. Nothing in it is a secret."""

    version: int = VERSION
    id: str
    deployment: str
    taken_at: datetime
    finished_at: datetime
    server: int
    looks: int
    databases: dict[str, Database]
    pieces: list[Piece]
    recipients: list[str]

    @property
    def size(self) -> int:
        """Bytes of all pieces."""
        return sum(piece.size for piece in self.pieces)

    def piece(self, name: str) -> Piece:
        """The piece. Raises Permanent."""
        found = next((each for each in self.pieces if each.name == name), None)
        if found is None:
            raise Permanent("backup-lacks-piece", backup=self.id, piece=name)
        return found


class _Version(msgspec.Struct, frozen=True):
    version: int


def dump_of(database: str) -> str:
    """The name of the piece that holds a database."""
    return f"databases/{database}.dump.age"


def new_id(now: datetime) -> str:
    """A name that sorts by time, and that nobody else makes in the same second."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def is_backup_id(text: str) -> bool:
    """True for what `new_id` makes."""
    return _ID.fullmatch(text) is not None


def encoded(manifest: Manifest) -> bytes:
    """As it lies beside the pieces."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


def decoded(text: bytes, backup: str) -> Manifest:
    """The manifest of this backup. Raises Unreadable for a cut off, foreign or newer one."""
    try:
        version = msgspec.json.decode(text, type=_Version).version
    except msgspec.DecodeError:
        raise Unreadable("backup-manifest-unreadable", backup=backup) from None
    if version > VERSION:
        raise Unreadable("backup-is-of-newer-release", backup=backup, format=version, known=VERSION)
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError:
        raise Unreadable("backup-manifest-unreadable", backup=backup) from None
    if manifest.id != backup or not all(_PIECE.fullmatch(piece.name) for piece in manifest.pieces):
        raise Unreadable("backup-manifest-of-another", backup=backup)
    return manifest
