"""The S3 double does what S3 does."""

from s4_node.s3.values import Store
from support.s3_control import S3Control
from support.s3_servers import Server


def test_what_was_put_is_got_and_counted(s3: Server, store: Store, s3_control: S3Control) -> None:
    assert s3.request("PUT", f"/{store.bucket}/key", b"hello")[0] == 200
    assert s3.request("GET", f"/{store.bucket}/key") == (200, b"hello")
    assert s3_control.counts() == {"PutObject": 1, "GetObject": 1}
