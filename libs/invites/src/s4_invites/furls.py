"""What a client is given, read from the provisioner at the moment in which it is given, and kept nowhere."""

import json

from s4_contracts.ids import GridId
from s4_invites import store
from s4_runtime import Permanent, Secret, ServiceClient, Temporary
from s4_store import Pool


class FurlNotReadable(Temporary):
    """The provisioner does not give the furl by this reference now: a newer one is being issued, or it is busy."""


class GridGone(Permanent):
    """There is no grid to invite to."""


class Furls:
    """Reads furls by their newest reference."""

    def __init__(self, pool: Pool, provisioner: ServiceClient) -> None:
        self._pool = pool
        self._provisioner = provisioner

    async def settings_of(self, grid: GridId) -> Secret:
        """The message with which a client sets itself up. Raises GridGone, FurlNotReadable, PeerUnavailable."""
        known = await store.furl_of(self._pool, grid)
        if known is None or known.is_gone:
            raise GridGone("grid-gone", grid=grid)
        claim = {"account_id": known.account_id, "claim_ref": known.claim_ref}
        status, answer = await self._provisioner.call("POST", f"/grids/{grid}/furl", claim)
        if status in {404, 410}:
            raise GridGone("grid-gone", grid=grid)
        if status != 200:
            raise FurlNotReadable("furl-not-readable", grid=grid)
        # Integers: Tahoe-LAFS 1.20 writes a string of digits into tahoe.cfg as b'1', and its client does not start.
        settings = {
            "introducer": answer["furl"],
            "nickname": answer["nickname"],
            "shares-needed": int(answer["shares"]["needed"]),
            "shares-happy": int(answer["shares"]["happy"]),
            "shares-total": int(answer["shares"]["total"]),
        }
        return Secret(json.dumps(settings))
