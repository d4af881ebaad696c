"""The code, the furl and what keys are made of are nowhere but where they must be."""

import base64
from pathlib import Path

import msgspec
import pytest
from prometheus_client import generate_latest

from s4_contracts.ids import GridId, InviteId
from s4_invites.handshake import Kept
from s4_invites.sealing import Seal, SealBroken, SealKeyUnusable
from s4_runtime import Secret, configure, new_id
from support.invite_agent import FURL, SEAL_KEY, Invites
from support.joining import tahoe_joins
from support.mortal import MortalPool
from support.waiting import until


async def rows(invites: Invites) -> str:
    tables = await invites.pool.fetch("select tablename from pg_tables where schemaname = 'public'")
    found = []
    for name in (table["tablename"] for table in tables):
        for row in await invites.pool.fetch(f'select * from "{name}"'):  # noqa: S608  a table
            found += [value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in row.values()]
    return "\n".join(found)


def secrets_of(kept: Kept) -> dict[str, str]:
    """Each in the forms in which it could be written."""
    serialized = msgspec.json.decode(kept.half.spake)
    raw = bytes.fromhex(serialized["xy_scalar"])
    number, *words = kept.code.split("-")
    return {
        "furl": FURL,
        "its swissnum": FURL.rpartition("/")[2],
        "code": kept.code,
        "words": "-".join(words),
        "number": number,
        "exponent": serialized["xy_scalar"],
        "exponent in base64": base64.b64encode(raw).decode(),
        "password": serialized["password"],
        "exchange": base64.b64encode(kept.half.spake).decode(),
    }


async def kept_of(invites: Invites, invite: str) -> Kept:
    sealed = await invites.pool.fetchval("select sealed from invites where id = $1", invite)
    return Seal(Secret(SEAL_KEY)).open(sealed, InviteId(invite))


async def test_nothing_of_an_invite_can_be_read_in_rows_events_logs_metrics_or_at_the_mailbox_server(
    invites: Invites, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("invites", "debug")
    invite = await invites.open()
    secrets = secrets_of(await kept_of(invites, invite["invite_id"]))
    mortal = MortalPool(invites.pool, dies_at=9)
    places = {"rows while it is open": await rows(invites)}
    async with tahoe_joins(invites.mailbox.url, invite["code"], tmp_path / "client") as client:
        async with invites.replica(mortal):
            await until(lambda: mortal.is_dead, within=30, what="a dead replica")
            places["rows in the middle"] = await rows(invites)
            places["mailbox server"] = invites.mailbox.text().replace(secrets["number"], "")
        async with invites.replica():
            await client.joined()
            await invites.becomes(invite, "claimed")
    places["rows once it is used"] = await rows(invites)
    places["metrics"] = generate_latest().decode()
    places["logs"] = "".join(capsys.readouterr())
    assert "invite.ended" in places["logs"]
    assert [(name, place) for place, text in places.items() for name, secret in secrets.items() if secret in text] == []


async def test_what_is_kept_does_not_show_itself(invites: Invites) -> None:
    invite = await invites.open()
    kept = await kept_of(invites, invite["invite_id"])
    assert invite["code"] == kept.code
    assert [secret for secret in secrets_of(kept).values() if secret in f"{kept!r} {kept}"] == []


async def test_a_row_copied_to_another_invite_or_under_another_key_opens_nothing(invites: Invites) -> None:
    first = await invites.open()
    sealed = await invites.pool.fetchval("select sealed from invites where id = $1", first["invite_id"])
    for seal, owner in (
        (Seal(Secret(SEAL_KEY)), new_id()),
        (Seal(Secret(base64.b64encode(b"j" * 32).decode())), first["invite_id"]),
    ):
        with pytest.raises(SealBroken) as broken:
            seal.open(sealed, InviteId(owner))
        assert broken.value.__cause__ is None
    with pytest.raises(SealKeyUnusable):
        Seal(Secret("c2hvcnQ="))
    with pytest.raises(SealKeyUnusable):
        Seal(Secret("not base64"))


async def test_an_invite_that_cannot_be_opened_harms_no_other(invites: Invites, tmp_path: Path) -> None:
    broken, grid = await invites.open(), GridId(new_id())
    await invites.has_furl(grid)
    other = await invites.opened(grid)
    await invites.pool.execute("update invites set sealed = '\\x00' where id = $1", broken["invite_id"])
    async with invites.replica(), tahoe_joins(invites.mailbox.url, other["code"], tmp_path / "client") as client:
        await client.joined()
        await invites.becomes(other, "claimed")
    shown = await invites.now(broken)
    assert (shown["state"], shown["code"]) == ("open", None)
    assert (await invites.opened())["code"]
    assert (await invites.now(broken))["state"] == "replaced"
