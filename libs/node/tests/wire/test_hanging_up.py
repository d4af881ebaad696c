"""Clients of HTTP that hang up before they are answered: nothing is kept for who cannot know of it."""

from pathlib import Path

from twisted.internet.defer import CancelledError
from twisted.web.client import ResponseNeverReceived

from s4_node.s3.values import Store
from support.s3_control import S3Control
from support.spinning import spin, turns, until
from support.storing import a_server, over_http, storage_index


def test_an_upload_that_its_client_never_heard_of_is_given_up_and_the_share_is_free_for_the_next(
    store: Store, tmp_path: Path, s3_control: S3Control
) -> None:
    index = storage_index()
    with a_server(store, tmp_path) as server, over_http(server) as client:
        s3_control.fail("hold", "ListObjectsV2")
        answer = client.allocate(index, 10)
        until(lambda: s3_control.counts()["ListObjectsV2"] == 1)
        answer.addErrback(lambda failure: failure.trap(CancelledError, ResponseNeverReceived))
        answer.cancel()
        turns(20)
        s3_control.release()
        until(lambda: "allocate" in server.get_latencies())

        assert server.readings()["uploads"] == server.readings()["spool_bytes"] == 0
        spin(client.upload(index, b"0123456789"))
        assert spin(client.read("immutable", index, 0, 10)).body == b"0123456789"
