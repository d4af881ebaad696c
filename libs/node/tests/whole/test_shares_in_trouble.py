"""Shares that somebody has cut short or overwritten in the bucket."""

from collections.abc import Callable

import pytest

from s4_node.storage import layout
from s4_node.tools.open import opened
from s4_node.tools.verify import verify
from support.elsewhere import Elsewhere
from support.ledger import Slot, Upload, check_slot, check_upload
from support.load import change, store
from support.refusals import refused
from support.s3_servers import Server
from support.shares import a_slot, an_upload, changed, stored, use
from support.speaking import Speaking
from support.spinning import spin

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut in its header": lambda share: share[:7],
    "cut in its data": lambda share: share[: len(share) // 2],
    "no share": lambda share: b"<html>" + share[6:],
    "another's bytes": lambda share: bytes(len(share)),
}


def overwritten(s3: Server, node: Elsewhere, share: Upload | Slot, damage: str) -> str:
    """Its object is damaged; its key."""
    key = layout.share(share.index, share.number)
    status, whole = s3.request("GET", f"/{node.store.bucket}/{key}")
    assert status == 200
    assert s3.request("PUT", f"/{node.store.bucket}/{key}", DAMAGES[damage](whole))[0] == 200
    return key


def removed(s3: Server, node: Elsewhere, *keys: str) -> None:
    for key in keys:
        s3.request("DELETE", f"/{node.store.bucket}/{key}")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_share_is_refused_and_named_and_the_others_are_read(
    client: Speaking, served: Elsewhere, s3: Server, damage: str
) -> None:
    upload, other, slot = an_upload(3000), an_upload(3000), changed(client, a_slot())
    spin(store(client, upload))  # and nobody has read it yet
    stored(client, other)
    keys = [overwritten(s3, served, share, damage) for share in (upload, slot)]

    assert refused(check_upload(client, upload)) == 500
    assert refused(check_slot(client, slot)) == 500
    assert refused(change(client, slot)) == 500

    said = served.log.read_text()
    assert all(key in said for key in keys)
    spin(check_upload(client, other))
    use(client)
    assert verify(opened(str(served.home)), 4, quiet=True).damaged.keys() == set(keys)
    removed(s3, served, *keys)
