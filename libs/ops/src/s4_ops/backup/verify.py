"""Whether a backup is what it says, without an installation to restore it into."""

from collections.abc import Sequence
from pathlib import Path

from pyrage import x25519

from s4_ops.backup import manifest, sealing, secret_files
from s4_ops.backup.manifest import Manifest
from s4_ops.backup.places import Place, fetched, manifest_of
from s4_ops.backup.progress import Steps
from s4_ops.backup.servers import table_of_contents
from s4_ops.backup.signatures import Trust


def verify(
    at: Place, backup: str, keys: Sequence[x25519.Identity], steps: Steps, scratch: Path, *, trust: Trust
) -> Manifest:
    """Every piece lies there as one of ours wrote it; with ``keys`` it also opens, and PostgreSQL reads each dump.

    Raises Permanent with the first piece that does not.
    """
    found = manifest_of(at, backup, scratch, trust)
    wanted = {manifest.SECRETS, *map(manifest.dump_of, found.databases)}
    for name in sorted(wanted):
        piece = found.piece(name)
        with steps.step(f"checking {name}"), fetched(at, f"{backup}/{name}", scratch) as sealed:
            if not keys:
                sealing.check(piece, sealed)
                continue
            plain = scratch / "plain"
            try:
                with plain.open("wb") as target:
                    sealing.unseal(piece, sealed, target, keys)
                if name == manifest.SECRETS:
                    secret_files.decoded(plain.read_bytes())
                else:
                    table_of_contents(plain)
            finally:
                plain.unlink(missing_ok=True)
    return found
