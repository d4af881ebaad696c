"""What a backup is told: a JSON file without secrets, which names the files that have them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from s4_runtime import Permanent

# Written by the local run; looked for here and in the folders above.
LOCAL = Path(".s4") / "shop" / "secrets" / "backup.json"


class BackupSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``server_url_file`` holds the url of the PostgreSQL server that has all databases.

    ``secrets`` is a folder: files of the local run, or one folder for each Kubernetes Secret. ``recipients`` are public
    age keys. ``signing_key_file`` holds the key by which backups are known as ours, ``signers`` are public halves of
    such keys. ``profile`` names the AWS profile that may write, and nothing else, in the account of the backups.
    """

    deployment: str
    server_url_file: str
    secrets: str
    recipients: list[str] = []
    signing_key_file: str | None = None
    signers: list[str] = []
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None


def load(given: Path | None, environ: Mapping[str, str], folder: Path) -> BackupSettings:
    """The settings in the file that was given, that S4_BACKUP_SETTINGS names, or of the local run. Raises Permanent."""
    for path in _places(given, environ, folder):
        try:
            return msgspec.json.decode(path.read_bytes(), type=BackupSettings)
        except FileNotFoundError:
            continue
        except (OSError, msgspec.DecodeError):
            raise Permanent("backup-settings-unreadable", file=str(path)) from None
    raise Permanent("no-backup-settings", set="S4_BACKUP_SETTINGS", or_start="make up")


def _places(given: Path | None, environ: Mapping[str, str], folder: Path) -> Iterator[Path]:
    if given is not None or "S4_BACKUP_SETTINGS" in environ:
        yield given or Path(environ["S4_BACKUP_SETTINGS"])
        return
    if state := environ.get("SHOP_STATE"):
        yield Path(state) / "secrets" / LOCAL.name
    for above in (folder, *folder.parents):
        yield above / LOCAL
