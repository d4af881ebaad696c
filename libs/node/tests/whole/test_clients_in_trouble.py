"""Clients that go away, ask for too much, or for what is not theirs."""

import os
import secrets
from typing import Any

import pytest
from allmydata.storage.http_client import StorageClientImmutables

from commands import eventually
from support.elsewhere import Elsewhere
from support.ledger import Upload, check_slot, check_upload
from support.refusals import refused
from support.s3_control import S3Control
from support.shares import a_slot, an_upload, changed, stored
from support.speaking import PROTOCOLS, Protocol, Speak, Speaking
from support.spinning import spin, until

MIB = 2**20


def metric(node: Elsewhere, name: str) -> float:
    assert node.storage is not None
    return node.storage.metric(f"s4_node_{name}")


async def begin(client: Speaking, upload: Upload, written: int) -> Any:
    """Some of the share is with the node; its writer."""
    _, writers = await client.server.allocate_buckets(
        upload.index, *upload.secrets, {upload.number}, upload.size, Speaking.canary()
    )
    writer = writers[upload.number]
    await write(writer, upload, 0, written)
    return writer


async def write(writer: Any, upload: Upload, start: int, end: int) -> None:
    for offset in range(start, end, MIB):
        await writer.callRemote("write", offset, upload.data[offset : min(offset + MIB, end)])


def test_an_upload_ends_with_the_foolscap_connection_it_was_begun_on(
    served: Elsewhere, spoken: Speak, s3_control: S3Control
) -> None:
    gone, stays, upload = spoken("foolscap", served), spoken("foolscap", served), an_upload(12 * MIB)
    spin(begin(gone, upload, 8 * MIB), 30)
    s3_control.until(lambda sums: sums.get("UploadPart") is not None)
    assert metric(served, "uploads") == 1
    assert metric(served, "spool_bytes") > upload.size

    spin(gone.hang_up())

    eventually(lambda: metric(served, "uploads") == metric(served, "spool_bytes") == 0)
    assert [*served.spool.iterdir()] == []
    s3_control.until(lambda sums: sums.get("AbortMultipartUpload") is not None)
    assert spin(stays.server.get_buckets(upload.index)) == {}
    stored(stays, upload)


def test_an_upload_over_https_goes_on_when_its_client_comes_back(
    served: Elsewhere, spoken: Speak, s3_control: S3Control
) -> None:
    gone, upload, upload_secret = spoken("https", served), an_upload(6 * MIB), os.urandom(20)
    assert gone.https is not None
    uploads = StorageClientImmutables(gone.https)
    spin(uploads.create(upload.index, {0}, upload.size, upload_secret, *upload.secrets))
    spin(uploads.write_share_chunk(upload.index, 0, upload_secret, 0, upload.data[: 2 * MIB]))
    spin(gone.hang_up())

    back = spoken("https", served)
    assert back.https is not None
    assert spin(back.server.get_buckets(upload.index)) == {}
    again = StorageClientImmutables(back.https)
    progress = spin(again.write_share_chunk(upload.index, 0, upload_secret, 2 * MIB, upload.data[2 * MIB :]), 30)
    assert progress.finished
    upload.is_confirmed = True
    spin(check_upload(back, upload))
    assert metric(served, "uploads") == 0


def test_a_body_that_its_client_does_not_finish_is_not_taken(served: Elsewhere, spoken: Speak) -> None:
    """As much as arrived is thrown away with the connection; the client sends the same again."""
    client, upload, upload_secret = spoken("https", served), an_upload(MIB), os.urandom(20)
    assert client.https is not None
    uploads = StorageClientImmutables(client.https)
    spin(uploads.create(upload.index, {0}, upload.size, upload_secret, *upload.secrets))
    sending = uploads.write_share_chunk(upload.index, 0, upload_secret, 0, upload.data)
    until(lambda: True)
    sending.addErrback(lambda _: None)
    sending.cancel()
    spin(client.hang_up())

    back = spoken("https", served)
    assert back.https is not None
    again = StorageClientImmutables(back.https)
    progress = spin(again.write_share_chunk(upload.index, 0, upload_secret, 0, upload.data), 30)
    assert progress.finished
    upload.is_confirmed = True
    spin(check_upload(back, upload))


def test_the_wrong_write_enabler_changes_nothing(client: Speaking, served: Elsewhere) -> None:
    slot = changed(client, a_slot())
    theirs = (secrets.token_bytes(32), *slot.secrets[1:])
    vectors: dict[int, Any] = {slot.number: ([], [(0, b"theirs")], None)}
    asked = client.server.slot_testv_and_readv_and_writev(slot.index, theirs, vectors, [])
    assert refused(asked) == 401
    spin(check_slot(client, slot))
    changed(client, slot)


def test_more_than_the_spool_holds_is_not_taken_and_less_is(client: Speaking, served: Elsewhere) -> None:
    there, writers = spin(
        client.server.allocate_buckets(os.urandom(16), b"r" * 32, b"c" * 32, {0}, 65 * MIB, Speaking.canary())
    )
    assert (set(there), dict(writers)) == (set(), {})
    assert "spool" in served.said("upload.refused")[-1]["error"]
    stored(client, an_upload())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_uploads_that_fill_the_spool_together_leave_room_when_they_end(
    served: Elsewhere, spoken: Speak, protocol: Protocol
) -> None:
    first, second = spoken(protocol, served), spoken("foolscap", served)
    large = an_upload(40 * MIB)
    spin(begin(second, large, MIB))
    too_much = spin(
        first.server.allocate_buckets(os.urandom(16), b"r" * 32, b"c" * 32, {0}, 40 * MIB, Speaking.canary())
    )
    assert dict(too_much[1]) == {}
    stored(first, an_upload(MIB))
    spin(second.hang_up())
    eventually(lambda: metric(served, "spool_bytes") == 0)
    fits = spin(first.server.allocate_buckets(os.urandom(16), b"r" * 32, b"c" * 32, {0}, 40 * MIB, Speaking.canary()))
    assert set(fits[1]) == {0}
    spin(fits[1][0].callRemote("abort"))
    eventually(lambda: metric(served, "spool_bytes") == 0)


def test_a_disk_that_is_full_ends_the_upload_and_nothing_else(node: Elsewhere, spoken: Speak) -> None:
    node.disk_bytes = 16 * MIB
    node.move()
    node.until_served()
    for protocol in PROTOCOLS:
        client, one, two = spoken(protocol, node), an_upload(12 * MIB), an_upload(12 * MIB)
        first: Any = spin(begin(client, one, MIB))
        spin(begin(client, two, 10 * MIB))  # there was room for each
        assert refused(write(first, one, MIB, one.size)) == 507
        eventually(lambda: metric(node, "spool_bytes") < 13 * MIB)  # what it had of the disk is given back
        stored(client, an_upload(MIB))
        changed(client, a_slot(200_000))
        spin(client.hang_up())
        if protocol == "foolscap":
            eventually(lambda: metric(node, "spool_bytes") == 0)
            stored(spoken(protocol, node), one)
    assert node.said("request.failed")[-1]["told"] == "no space left for uploads"
