"""Multipart uploads that nobody will complete: a dead process left them, they are billed, and not listed."""

from collections.abc import Collection
from datetime import datetime, timedelta

from twisted.internet.defer import Deferred

from s4_node.objects import Objects
from s4_node.storage import layout

ABANDONED_AFTER = timedelta(hours=24)
"""How old an upload is that may be swept, by default.

Another process may serve the same prefix, by mistake or while it is being replaced, and S3 does not say whose an
upload is. A living process' upload is rarely a day old; should it be, its owner finds it missing and sends everything
again from its spool (s4_node.storage.parts), so the mistake costs traffic and no data. A node that never comes back
leaves the rest to the bucket's lifecycle rule.
"""


def abandoned(objects: Objects, older_than: datetime, *, but: Collection[str | None] = ()) -> "Deferred[int]":
    """Abort the uploads of shares that were begun before this moment; how many. Raises S3Error, and may be repeated.

    `but` are those that this process has in progress (Upload.multipart).
    """
    return Deferred.fromCoroutine(_abandoned(objects, older_than, but))


async def _abandoned(objects: Objects, older_than: datetime, but: Collection[str | None]) -> int:
    old = [
        pending
        for pending in await objects.uploads(layout.SHARES)
        if pending.begun < older_than and pending.upload not in but
    ]
    for pending in old:
        await objects.abort_upload(pending.key, pending.upload)
    return len(old)
