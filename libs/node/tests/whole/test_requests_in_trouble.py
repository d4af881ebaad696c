"""S3 fails while a node serves: clients wait, or are told, and what they were told is stored is."""

import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from support.elsewhere import Elsewhere
from support.ledger import check_slot, check_upload
from support.load import change, store
from support.refusals import refused
from support.s3_control import S3Control
from support.shares import a_slot, an_upload, changed, stored, use
from support.speaking import PROTOCOLS, Speak, Speaking
from support.spinning import spin

MIB = 2**20
WRITES = ("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload")


@pytest.mark.parametrize("kind", ["internal_error", "slow_down", "unavailable", "reset", "commit_then_cut"])
def test_what_passes_is_waited_for(client: Speaking, s3_control: S3Control, kind: str) -> None:
    for operation in (*WRITES, "ListObjectsV2", "GetObject"):
        s3_control.fail(kind, operation, times=1)
    stored(client, an_upload())
    changed(client, changed(client, a_slot()))
    if kind != "reset":
        stored(client, an_upload(6 * MIB))


@pytest.mark.parametrize("kind", ["cut", "short", "wrong_etag", "garbage"])
def test_answers_that_arrive_wrong_are_asked_for_again(client: Speaking, s3_control: S3Control, kind: str) -> None:
    upload, slot = stored(client, an_upload(300_000)), changed(client, a_slot(300_000))
    for operation in ("ListObjectsV2",) if kind == "garbage" else ("GetObject", "ListObjectsV2"):
        s3_control.fail(kind, operation, times=1)
    spin(check_upload(client, stored(client, an_upload(300_000))), 60)
    spin(check_upload(client, upload), 60)
    spin(check_slot(client, slot), 60)


@pytest.mark.parametrize("size", [2000, 6 * MIB])
def test_an_upload_that_s3_refuses_is_refused_and_leaves_nothing(
    client: Speaking, served: Elsewhere, s3_control: S3Control, size: int
) -> None:
    upload, slot = an_upload(size), changed(client, a_slot())
    before = s3_control.objects(served.store.bucket)
    for operation in WRITES:
        s3_control.fail("access_denied", operation, times=None)

    # HTTP knows no upload any more when a part was refused after its request had been answered
    assert refused(store(client, upload)) in ({500, 404} if client.https and size > MIB else {500})
    assert refused(change(client, slot)) == 500

    assert s3_control.objects(served.store.bucket) == before
    assert served.said("request.failed")[-1]["told"] == "the object store refuses"
    s3_control.clear_faults()
    stored(client, upload)
    assert slot.confirmed == 1
    changed(client, slot)


def test_keys_that_are_revoked_and_replaced_in_their_file_are_used_without_a_restart(
    node: Elsewhere, s3_control: S3Control, spoken: Speak, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    first, second = ((f"AKIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30)) for _ in range(2))
    lines = "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n"
    keys.write_text(lines.format(*first))
    s3_control.credential(*first)
    s3_control.credential(*second)
    node.store = replace(node.store, credentials=f"file:{keys}")
    node.move()
    node.until_served()
    clients = [spoken(protocol, node) for protocol in PROTOCOLS]
    uploads = [stored(client, an_upload()) for client in clients]

    s3_control.credential(*first, state="revoked")
    for client in clients:
        assert refused(store(client, an_upload())) == 500
    assert "InvalidAccessKeyId" in node.said("request.failed")[0]["error"]
    keys.write_text(lines.format(*second))

    for client in clients:
        use(client)
        for upload in uploads:
            spin(check_upload(client, upload))
    for secret in (*first, *second):
        assert secret not in node.log.read_text()


@pytest.mark.long
def test_s3_that_hangs_is_given_up_before_the_client_gives_up_the_node(client: Speaking, s3_control: S3Control) -> None:
    slot = changed(client, a_slot())
    s3_control.fail("hang", times=None)
    assert refused(store(client, an_upload()), 59) == 503
    assert refused(change(client, slot), 59) == 503
    s3_control.clear_faults()
    use(client)
    changed(client, slot)


@pytest.mark.long
def test_a_request_that_hangs_once_is_made_again(client: Speaking, s3_control: S3Control) -> None:
    for operation in ("PutObject", "GetObject"):
        s3_control.fail("hang", operation, times=1)
    upload = an_upload()
    spin(store(client, upload), 59)
    spin(check_upload(client, upload), 59)
