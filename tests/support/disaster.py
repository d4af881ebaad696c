"""Everything of a shop is destroyed but what is not ours: the cloud with its buckets, Stripe, and the mail."""

import asyncio
import os
import shutil
import sys
from pathlib import Path
from signal import SIGKILL

from s4_shop import addresses, control, plan, processes
from s4_shop.options import Options
from s4_shop.shop import Shop
from s4_shop.wiring import Wiring
from support.ledger import Ledger

OTHERS = {"aws", "stripe", "mail"}


def destroy(shop: Shop) -> None:
    """No process of ours runs, and no machine; databases, broker, mailbox, logs and secrets are gone."""
    folder = shop.folder
    processes.stop(folder.supervisor_pid, SIGKILL)
    for wave in plan.in_stop_order(plan.load(folder.plan)):
        for part in wave:
            if part.name not in OTHERS:
                control.stop_part(folder, part)
    ec2 = Ledger(shop).aws("ec2")
    pages = ec2.get_paginator("describe_instances").paginate()
    machines = [one["InstanceId"] for page in pages for part in page["Reservations"] for one in part["Instances"]]
    ec2.terminate_instances(InstanceIds=machines)
    shop.wiring.postgres.remove()
    for left in ("rabbitmq", "mailbox"):
        shutil.rmtree(folder.data / left)
    shutil.rmtree(folder.root / "secrets")


async def fresh_server(shop: Shop, options: Options) -> Wiring:
    """A new PostgreSQL server without any database, at the address where the shop will look for it."""
    shop.folder.create()
    wiring = Wiring(shop.folder, addresses.choose(shop.folder, os.environ), options)
    wiring.backup_settings()
    await asyncio.to_thread(wiring.postgres.start)
    return wiring


async def typed(*words: object, environment: dict[str, str]) -> tuple[int, str]:
    """Status and words of ``s4 WORDS``, as a program of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "s4_cli", *map(str, words)),
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


def profile(folder: Path) -> dict[str, str]:
    """An AWS profile in another account, as the person has it who restores."""
    file = folder / "credentials"
    file.write_text("[backups]\naws_access_key_id = AKIABACKUPS\naws_secret_access_key = of-another-account\n")
    return {
        "AWS_SHARED_CREDENTIALS_FILE": str(file),
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "S4_AUDIT_FILE": str(folder / "audit.jsonl"),
    }
