"""Bringing an installation back from a backup: everything is checked and loaded before anything is replaced."""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from pyrage import x25519

from s4_ops.backup import manifest, sealing, secret_files, targets
from s4_ops.backup.manifest import Manifest
from s4_ops.backup.places import Place, fetched, manifest_of
from s4_ops.backup.progress import Steps
from s4_ops.backup.secret_files import Files
from s4_ops.backup.servers import Server, table_of_contents
from s4_ops.backup.signatures import Trust
from s4_ops.backup.targets import Target
from s4_runtime import Clock, Permanent


class Plan(msgspec.Struct, frozen=True):
    """What a restore would do, for a person to read."""

    backup: Manifest
    files: Files
    dumps: Mapping[str, Path]
    targets: Mapping[str, Target]
    differing: list[str]

    @property
    def is_done(self) -> bool:
        """True when every database is of this backup already: what is left are the secrets."""
        return all(target.restored_from == self.backup.id for target in self.targets.values())


class Restore:
    """One restore. ``scratch`` is a private folder with room for all dumps, gone afterwards."""

    def __init__(self, at: Place, server: Server, secrets: Path, steps: Steps, scratch: Path) -> None:
        self._at = at
        self._server = server
        self._secrets = secrets
        self._steps = steps
        self._scratch = scratch

    async def plan(
        self, backup: str, keys: Sequence[x25519.Identity], deployment: str, trust: Trust, *, force: bool
    ) -> Plan:
        """Everything is fetched, opened and found whole, and nothing stands against it. Nothing is changed.

        Raises Permanent for a backup that is unfinished, damaged, not signed by one of ours, of another key, deployment
        or newer release, and for a target that holds something, unless forced.
        """
        found = manifest_of(self._at, backup, self._scratch, trust)
        if found.deployment != deployment:
            raise Permanent("backup-of-another-deployment", backup=found.deployment, here=deployment)
        self._expect_room(found)
        dumps = {name: self._opened(found, manifest.dump_of(name), keys) for name in found.databases}
        for dump in dumps.values():
            table_of_contents(dump)
        files = secret_files.decoded(self._opened(found, manifest.SECRETS, keys).read_bytes())
        there = {name: await targets.look(self._server, name) for name in found.databases}
        differing = secret_files.differing(files, self._secrets)
        plan = Plan(found, files, dumps, there, differing)
        if not plan.is_done:
            _refuse_newer(plan)
            _refuse_used(plan, force=force)
        if differing and not force:
            raise Permanent("secret-is-another-one", file=differing[0], force="sets it aside")
        return plan

    async def carry_out(self, plan: Plan, clock: Clock) -> list[str]:
        """It is as planned: databases first, under other names, then secrets, then all names at once.

        Killed before the last step, it has replaced no database; done again, it begins anew. The names of databases
        that were set aside.
        """
        at = f"{clock.now():%Y%m%dt%H%M%Sz}"
        names = list(plan.backup.databases)
        try:
            if not plan.is_done:
                for name in names:
                    with self._steps.step(f"loading {name}"):
                        await targets.fill(self._server, name, plan.dumps[name])
            secret_files.bring_back(plan.files, self._secrets, f"before-{at}")
            return [] if plan.is_done else await targets.swap(self._server, names, plan.backup.id, at)
        finally:
            for name in names:
                await asyncio.shield(targets.drop_fresh(self._server, name))

    def _opened(self, found: Manifest, name: str, keys: Sequence[x25519.Identity]) -> Path:
        piece = found.piece(name)
        plain = self._scratch / name.replace("/", "-").removesuffix(".age")
        with (
            self._steps.step(f"fetching {name}"),
            fetched(self._at, f"{found.id}/{name}", self._scratch) as sealed,
            plain.open("wb") as target,
        ):
            sealing.unseal(piece, sealed, target, keys)
        return plain

    def _expect_room(self, found: Manifest) -> None:
        wanted = sum(piece.plain_size for piece in found.pieces) + max(piece.size for piece in found.pieces)
        free = shutil.disk_usage(self._scratch).free
        if free < wanted:
            raise Permanent("no-room-to-fetch", wanted=wanted, free=free, set="TMPDIR")


def _refuse_newer(plan: Plan) -> None:
    for name, target in plan.targets.items():
        newer = set(plan.backup.databases[name].migrations) - set(target.migrations)
        if target.migrations and newer:
            raise Permanent("backup-is-of-newer-release", database=name, migration=max(newer))


def _refuse_used(plan: Plan, *, force: bool) -> None:
    for name, target in plan.targets.items():
        if target.clients:
            raise Permanent("database-in-use", database=name, stop="all services")
        if target.holds and not force:
            raise Permanent("target-not-empty", database=name, table=target.holds, force="sets it aside")
