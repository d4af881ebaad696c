"""A node whose bucket is not as it should be: what its clients are told, what the operator reads, and how it heals."""

import secrets
from dataclasses import replace
from pathlib import Path

from commands import eventually, run
from s4_node.s3.values import Store
from s4_node.storage import layout
from support.elsewhere import Elsewhere
from support.ledger import check_upload
from support.load import change, store
from support.refusals import refused
from support.s3_control import S3Control
from support.s3_servers import Server, start_juicefs
from support.shares import a_slot, an_upload, changed, stored, use
from support.speaking import PROTOCOLS, Speak
from support.spinning import spin

IGNORED = "the store ignores conditions on writes: only with single_writer = true"


def place(store: Store) -> str:
    return f"s3://{store.bucket}?endpoint={store.endpoint}&region={store.region}&credentials={store.credentials}"


def is_refused(node: Elsewhere, spoken: Speak, code: str) -> None:
    """Every client of it is told so, and who reads the log is told why; the node itself goes on."""
    for protocol in PROTOCOLS:
        client = spoken(protocol, node)
        spin(client.server.get_version())
        assert refused(store(client, an_upload())) == 500
        assert refused(change(client, a_slot())) == 500
        assert refused(check_upload(client, an_upload())) == 500
    assert any(code in line["error"] for line in node.said("request.failed"))
    eventually(lambda: node.condition["bucket"]["reachable"] is False)
    assert code.endswith(node.condition["bucket"]["code"])
    assert node.condition["ready"] is False
    assert node.said("bucket.unreachable")[-1]["code"] == node.condition["bucket"]["code"]


def test_a_missing_bucket_is_named_and_used_as_soon_as_it_is_there(node: Elsewhere, s3: Server, spoken: Speak) -> None:
    node.store = replace(node.store, bucket=f"b-{secrets.token_hex(8)}")
    node.move()
    node.until_served()
    is_refused(node, spoken, "NoSuchBucket")

    s3.make_bucket(node.store.bucket)

    for protocol in PROTOCOLS:
        use(spoken(protocol, node))
    assert node.condition["bucket"]["reachable"] is True


def test_a_forbidden_bucket_is_named_and_used_as_soon_as_it_may_be(
    node: Elsewhere, s3_control: S3Control, spoken: Speak
) -> None:
    s3_control.fail("access_denied", bucket=node.store.bucket, times=None)
    node.move()
    node.until_served()
    is_refused(node, spoken, "AccessDenied")

    s3_control.clear_faults()

    for protocol in PROTOCOLS:
        use(spoken(protocol, node))


def test_a_bucket_in_another_region_is_named_with_its_region(
    node: Elsewhere, s3_control: S3Control, spoken: Speak
) -> None:
    s3_control.fail("wrong_region", bucket=node.store.bucket, times=None)
    node.move()
    node.until_served()

    is_refused(node, spoken, "AuthorizationHeaderMalformed")

    assert "the bucket's region is eu-central-1" in node.said("request.failed")[0]["error"]


def test_a_versioned_bucket_is_used_and_the_operator_is_told_what_it_costs(
    node: Elsewhere, s3: Server, spoken: Speak
) -> None:
    body = b'<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status>'
    assert s3.request("PUT", f"/{node.store.bucket}?versioning", body + b"</VersioningConfiguration>")[0] == 200
    node.move()
    node.until_served()

    for protocol in PROTOCOLS:
        use(spoken(protocol, node))

    checked = run("s4-node", "check", str(node.home))
    assert checked.code == 0, checked
    assert "deleted and overwritten shares stay and are paid for" in checked.out


def test_objects_of_others_are_left_alone_and_are_no_shares(
    node: Elsewhere, s3: Server, s3_control: S3Control, spoken: Speak
) -> None:
    upload = an_upload()
    beside = layout.shares_of(upload.index)
    others = ["readme.txt", "shares/readme", "shares/xx/y/z", beside + "0.backup", beside + "01", "leases/x/y", beside]
    for key in others:
        assert s3.request("PUT", f"/{node.store.bucket}/{key}", b"somebody's")[0] == 200
    node.move()
    node.until_served()

    for protocol in PROTOCOLS:
        client = spoken(protocol, node)
        use(client)
        stored(client, upload)
        assert set(spin(client.server.get_buckets(upload.index))) == {upload.number}

    sizes = s3_control.objects(node.store.bucket)
    assert {key: sizes[key] for key in others} == dict.fromkeys(others, len(b"somebody's"))
    assert "'readme.txt' is none of a node's" in run("s4-node", "check", str(node.home)).out
    verified = run("s4-node", "verify", str(node.home), "--quiet", "--json").json
    assert verified["damaged"] == {}
    assert verified["shares"] == len([key for key in sizes if layout.share_name(key)])


def test_a_store_that_ignores_conditions_is_not_served(node: Elsewhere, s3_control: S3Control) -> None:
    s3_control.behave(ignores_conditions=True)
    storage = node.move()
    assert storage.process is not None
    assert storage.process.wait(30) == 1
    assert node.said("grid.failed")[0]["why"] == IGNORED
    assert s3_control.objects(node.store.bucket) == {}


def test_a_store_that_ignores_conditions_is_served_to_an_only_writer(
    node: Elsewhere, spoken: Speak, tmp_path: Path
) -> None:
    other = start_juicefs(tmp_path / "juicefs")
    try:
        bucket = f"b-{secrets.token_hex(8)}"
        other.make_bucket(bucket)
        node.store = other.store(bucket)
        node.more = {**node.more, "single_writer": "true"}
        node.move()
        node.until_served()
        for protocol in PROTOCOLS:
            client = spoken(protocol, node)
            use(client)
            slot = a_slot()
            for _ in range(3):
                changed(client, slot)
    finally:
        node.kill()
        other.stop()


def test_a_wrong_clock_is_named_with_how_wrong_it_is(node: Elsewhere, s3_control: S3Control, spoken: Speak) -> None:
    s3_control.behave(clock_offset_seconds=-3600)
    node.move()
    node.until_served()

    is_refused(node, spoken, "RequestTimeTooSkewed")

    told = node.said("request.failed")[0]["error"]
    assert "this machine's clock is 36" in told
    assert told.endswith("ahead)")
    s3_control.behave(clock_offset_seconds=0)
    for protocol in PROTOCOLS:
        use(spoken(protocol, node))
