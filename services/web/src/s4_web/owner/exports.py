"""Taking everything along: the list of all objects as CSV, and a record of what was given out."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from s4_runtime import PeerUnavailable
from s4_store import Pool
from s4_web import limits
from s4_web.provisioner_client import Listing, Provisioner
from s4_web.sessions import Owner
from s4_web.site import Site
from s4_web.troubles import Refused

PAGE = 1000  # objects, as many as S3 lists at once
_TRIES = 3
_HEAD = ("key", "size", "modified", "url", "url_good_until")


async def allow(site: Site, owner: Owner, account_id: str, grid_id: str, kind: str) -> None:
    """It is on record, before anything is given out. Raises Refused after too many."""
    sql = "INSERT INTO exports (account_id, grid_id, kind, letter_id, at) VALUES ($1, $2, $3, $4, $5)"
    async with site.pool.transaction() as tx:
        is_allowed = await limits.use(tx, site, "export", grid_id, site.settings.exports_per_grid)
        if is_allowed:
            await tx.execute(sql, account_id, grid_id, kind, owner.session.letter_id, site.clock.now())
    if not is_allowed:
        raise Refused("too-many-exports")


async def may_look(site: Site, grid_id: str) -> bool:
    """Whether the cloud is asked once more for the page's few lines; a page can be loaded more often than that."""
    async with site.pool.transaction() as tx:
        return await limits.use(tx, site, "export-look", grid_id, 3 * site.settings.exports_per_grid)


async def last_given(pool: Pool, account_id: str) -> datetime | None:
    """When addresses or keys were last given out."""
    found: datetime | None = await pool.fetchval("SELECT max(at) FROM exports WHERE account_id = $1", account_id)
    return found


async def fetch(provisioner: Provisioner, grid_id: str, account_id: str, after: str | None) -> Listing:
    """One page of objects. A provisioner that does not answer is asked again at once. Raises PeerUnavailable."""
    for _ in range(_TRIES - 1):
        try:
            return await provisioner.objects(grid_id, account_id, after, PAGE)
        except PeerUnavailable:
            continue
    return await provisioner.objects(grid_id, account_id, after, PAGE)


async def as_csv(provisioner: Provisioner, grid_id: str, account_id: str, first: Listing) -> AsyncIterator[bytes]:
    """The list, a page of objects at a time and never more of it in memory; its last line says that it is whole.

    Where it breaks off, the last line says so and names the key after which to go on. Raises PeerUnavailable then.
    """
    listing, count, size = first, 0, 0
    yield _lines([_HEAD])
    while True:
        until = _moment(listing.urls_until)
        yield _lines([(o.key, o.size, _moment(o.modified), o.url.reveal(), until) for o in listing.objects])
        count, size = count + len(listing.objects), size + sum(each.size for each in listing.objects)
        if listing.next is None:
            yield _lines([(f"# end of the list: {count} objects, {size} bytes",)])
            return
        try:
            listing = await fetch(provisioner, grid_id, account_id, listing.next)
        except (PeerUnavailable, Refused):
            yield _lines([(f"# BROKEN OFF after {count} objects; ask for the rest after the key", listing.next)])
            raise


def _lines(rows: list[tuple[object, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
