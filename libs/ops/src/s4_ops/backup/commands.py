"""s4 backup ..."""

import argparse
import asyncio
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
from pyrage import x25519

from s4_ops.audit import audited
from s4_ops.backup import after, prune, sealing, settings, signatures, targets
from s4_ops.backup.create import Backup
from s4_ops.backup.inventory import inventory
from s4_ops.backup.manifest import Manifest, Unfinished, is_backup_id
from s4_ops.backup.places import Place, manifest_of, place
from s4_ops.backup.progress import steps
from s4_ops.backup.restore import Plan, Restore
from s4_ops.backup.servers import server
from s4_ops.backup.settings import BackupSettings
from s4_ops.backup.signatures import Trust
from s4_ops.backup.verify import verify
from s4_runtime import Permanent, SystemClock

_ABANDONED = timedelta(days=2)  # no backup takes so long


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands below ``s4 backup``. Each sets ``run``: given the parsed words, it returns the exit status."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        made.add_argument("--settings", type=Path, metavar="FILE", help="instead of S4_BACKUP_SETTINGS")
        made.add_argument("--json", action="store_true", help="print it as JSON")
        return made

    made = command("create", _create, "keep all databases, of one moment, and the secrets, encrypted")
    made.add_argument("--to", required=True, metavar="PLACE", help="s3://BUCKET/PREFIX or a folder")
    made.add_argument("--recipient", action="append", metavar="AGE1", help="who can read it, instead of the settings")
    made = command("list", _list, "backups, oldest first, and those that were never finished")
    made.add_argument("--from", dest="place", required=True, metavar="PLACE")
    made = command("keygen", _keygen, "make the key by which an installation's backups are known as its own")
    made.add_argument("file", type=Path, metavar="FILE", help="the private key; settings name it, and what is printed")
    made = command("verify", _verify, "fetch every piece and see that it is whole")
    _which(made)
    _whose(made)
    made.add_argument("--deep", action="store_true", help="also open it, and let PostgreSQL read it; needs --identity")
    made.add_argument("--identity", type=Path, metavar="FILE", help="the private age key")
    made = command("prune", _prune, "remove backups that no rule keeps; only says which, unless told --yes")
    made.add_argument("--from", dest="place", required=True, metavar="PLACE")
    for unit, usual in (("days", 14), ("weeks", 8), ("months", 12)):
        made.add_argument(f"--keep-{unit}", type=int, default=usual, metavar="N", help=f"the newest of N {unit}")
    _whose(made)
    made.add_argument("--yes", action="store_true", help="remove them")
    made = command("restore", _restore, "bring an installation back; only says what would be done, unless told --yes")
    _which(made)
    _whose(made)
    made.add_argument("--identity", type=Path, required=True, metavar="FILE", help="the private age key")
    made.add_argument("--into", type=Path, metavar="FILE", help="a file with the url of another server's administrator")
    made.add_argument("--secrets-into", type=Path, metavar="FOLDER", help="instead of the folder in the settings")
    made.add_argument("--force", action="store_true", help="set aside what is there: databases and secrets")
    made.add_argument("--yes", action="store_true", help="do it")
    made = command("after-restore", _after, "what is still to be done or waited for after a restore")
    made.add_argument("--into", type=Path, metavar="FILE", help="as for restore")
    command("inventory", _inventory, "every state of an installation, and what it is worth")


def _which(made: argparse.ArgumentParser) -> None:
    made.add_argument("--from", dest="place", required=True, metavar="PLACE", help="s3://BUCKET/PREFIX or a folder")
    made.add_argument("--id", default="latest", metavar="BACKUP", help="as list shows it; the latest if not given")


def _whose(made: argparse.ArgumentParser) -> None:
    text = "a public key of who makes our backups, instead of the settings'; may be given twice"
    made.add_argument("--signer", action="append", metavar="ED25519", help=text)
    made.add_argument("--accept-unsigned", action="store_true", help="take a backup that nobody signed, too")


def _trust(asked: argparse.Namespace, told: BackupSettings) -> Trust:
    return Trust(asked.signer or told.signers, asked.accept_unsigned)


def _keygen(asked: argparse.Namespace) -> int:
    signer = signatures.new(asked.file)
    _say(asked, {"signing_key_file": str(asked.file), "signer": signer}, f"{asked.file} signs; its signer is {signer}")
    return 0


def _create(asked: argparse.Namespace) -> int:
    told = _settings(asked)
    if asked.recipient:
        told = msgspec.structs.replace(told, recipients=asked.recipient)
    with (
        audited("backup create", what=told.deployment, note=asked.to) as deed,
        steps() as shown,
        _scratch() as scratch,
    ):
        backup = Backup(told, server(Path(told.server_url_file)), place(asked.to, told), shown, scratch)
        made = asyncio.run(backup.create(inventory(), SystemClock()))
        deed.learned(backup=made.id, size=made.size)
    words = f"{made.id}  {made.size} bytes, of {made.taken_at:%Y-%m-%d %H:%M:%S} UTC"
    signed = bool(told.signing_key_file)
    _say(asked, {**_row(made), "signed": signed}, words + ("" if signed else "; UNSIGNED: no signing_key_file"))
    return 0


def _list(asked: argparse.Namespace) -> int:
    told = _settings(asked)
    with _scratch() as scratch:
        finished, unfinished = _known(place(asked.place, told), scratch)
    rows = [_row(each) for each in finished]
    lines = [f"{each.id}  {each.deployment:<12} {each.size:>14} bytes" for each in finished]
    lines += [f"{each}  UNFINISHED: not a backup" for each in unfinished]
    _say(asked, {"backups": rows, "unfinished": unfinished}, "\n".join(lines) or "no backups")
    return 0


def _verify(asked: argparse.Namespace) -> int:
    if asked.deep and asked.identity is None:
        raise Permanent("no-identity", give="--identity FILE")
    told = _settings(asked)
    with steps() as shown, _scratch() as scratch:
        at = place(asked.place, told)
        keys: Sequence[x25519.Identity] = sealing.identities(asked.identity) if asked.identity else ()
        found = verify(at, _chosen(asked, at, scratch), keys, shown, scratch, trust=_trust(asked, told))
    _say(asked, _row(found), f"{found.id} is whole" + (", and can be read" if keys else "; --deep also opens it"))
    return 0


def _prune(asked: argparse.Namespace) -> int:
    told, keep = _settings(asked), prune.Keep(asked.keep_days, asked.keep_weeks, asked.keep_months)
    with _scratch() as scratch:
        at = place(asked.place, told)
        known, unfinished = _known(at, scratch)
        finished, strangers = _ours(at, known, _trust(asked, told), scratch)
    gone = [each.id for each in prune.superfluous(finished, keep)]
    gone += prune.abandoned(unfinished, SystemClock().now(), _ABANDONED)
    if asked.yes and gone:
        with audited("backup prune", what=told.deployment, note=asked.place) as deed:
            for each in gone:
                at.remove(each)
            deed.learned(removed=len(gone))
    verb = "removed" if asked.yes else "would be removed (--yes does it)"
    lines = [f"{each}  {verb}" for each in gone]
    lines += [f"{each}  is kept and counts for nothing: {why}" for each, why in strangers.items()]
    facts = {"removed": gone, "done": asked.yes, "not_ours": strangers}
    _say(asked, facts, "\n".join(lines) or "nothing to do")
    return 0


def _restore(asked: argparse.Namespace) -> int:
    told = _settings(asked)
    into = server(asked.into or Path(told.server_url_file))
    with steps() as shown, _scratch() as scratch:
        at = place(asked.place, told)
        restore = Restore(at, into, asked.secrets_into or Path(told.secrets), shown, scratch)
        keys, backup = sealing.identities(asked.identity), _chosen(asked, at, scratch)
        trust = _trust(asked, told)
        if not asked.yes:
            plan = asyncio.run(restore.plan(backup, keys, told.deployment, trust, force=asked.force))
            _say(asked, _planned(plan), _plan_words(plan))
            return 0
        with audited("backup restore", what=told.deployment, note=backup) as deed:
            plan = asyncio.run(restore.plan(backup, keys, told.deployment, trust, force=asked.force))
            aside = asyncio.run(restore.carry_out(plan, SystemClock()))
            deed.learned(set_aside=aside)
    words = [f"restored {backup}", *(f"set aside: {each}" for each in aside), "next: s4 backup after-restore"]
    _say(asked, {"restored": backup, "set_aside": aside}, "\n".join(words))
    return 0


def _after(asked: argparse.Namespace) -> int:
    told = _settings(asked)
    backup, found = asyncio.run(after.standing(server(asked.into or Path(told.server_url_file)), inventory()))
    lines = [f"restored from {backup}"]
    lines += [f"{'done' if each.done else 'TO DO':<6} {each.what}" + _todo(each) for each in found]
    facts = [{"what": each.what, "done": each.done, "todo": each.todo} for each in found]
    _say(asked, {"restored": backup, "steps": facts}, "\n".join(lines))
    return 0 if all(each.done for each in found) else 1


def _inventory(asked: argparse.Namespace) -> int:
    text = inventory().drawn()
    _say(asked, {"inventory": text}, text)
    return 0


def _todo(each: after.Standing) -> str:
    return "" if each.done else f"\n       {each.todo}"


def _planned(plan: Plan) -> dict[str, object]:
    held = [name for name, target in plan.targets.items() if target.holds]
    return {
        "would": {"restore": plan.backup.id, "databases": list(plan.targets), "set_aside": held},
        "secrets": len(plan.files),
        "secrets_set_aside": plan.differing,
        "is_done": plan.is_done,
    }


def _plan_words(plan: Plan) -> str:
    lines = [f"{plan.backup.id} of {plan.backup.taken_at:%Y-%m-%d %H:%M:%S} UTC is whole and can be read", "would:"]
    for name, target in plan.targets.items():
        fate = f"would be set aside, not dropped (it holds {target.holds})" if target.holds else "holds nothing"
        lines.append(f"  restore the database {name}" + (f"; the one that is there {fate}" if target.exists else ""))
    lines.append(
        f"  bring back {len(plan.files)} secrets" + (f", setting aside {plan.differing}" * bool(plan.differing))
    )
    return "\n".join([*lines, f"nothing is done yet: the same with --yes does it ({targets.fresh('NAME')} first)"])


def _chosen(asked: argparse.Namespace, at: Place, scratch: Path) -> str:
    if asked.id != "latest":
        if not is_backup_id(asked.id):
            raise Permanent("not-a-backup-id", given=asked.id)
        return str(asked.id)
    finished, _ = _known(at, scratch)
    if not finished:
        raise Permanent("no-backup-there", place=asked.place)
    return finished[-1].id


def _known(at: Place, scratch: Path) -> tuple[list[Manifest], list[str]]:
    finished, unfinished = [], []
    for each in at.backups():
        try:
            finished.append(manifest_of(at, each, scratch))
        except Unfinished:
            unfinished.append(each)
    return finished, unfinished


def _ours(at: Place, finished: list[Manifest], trust: Trust, scratch: Path) -> tuple[list[Manifest], dict[str, str]]:
    """Backups that are trusted, and of the others why not. Without known signers everything counts."""
    ours, strangers = [], {}
    for each in finished:
        try:
            ours.append(manifest_of(at, each.id, scratch, trust if trust.signers else None))
        except Permanent as trouble:
            strangers[each.id] = trouble.code
    return ours, strangers


def _settings(asked: argparse.Namespace) -> BackupSettings:
    return settings.load(asked.settings, os.environ, Path.cwd())


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="s4-backup-") as folder:
        yield Path(folder)


def _row(made: Manifest) -> dict[str, object]:
    times = {"taken_at": made.taken_at.isoformat(), "finished_at": made.finished_at.isoformat()}
    return {"id": made.id, "deployment": made.deployment, "size": made.size, **times}


def _say(asked: argparse.Namespace, facts: dict[str, object], words: str) -> None:
    print(json.dumps(facts, indent=2) if asked.json else words)
