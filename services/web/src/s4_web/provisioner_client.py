"""The one question to the provisioner: a grid's furl, for its owner."""

import msgspec

from s4_runtime import PeerUnavailable, Secret, ServiceClient
from s4_web.troubles import Gone, NotThere


class Shares(msgspec.Struct, frozen=True):
    """How Tahoe is to spread a file."""

    needed: int
    happy: int
    total: int


class _Answer(msgspec.Struct, frozen=True):
    furl: str
    nickname: str
    shares: Shares


class Key(msgspec.Struct, frozen=True):
    """What an owner needs to use the grid."""

    furl: Secret
    nickname: str
    shares: Shares


class Provisioner:
    """The provisioner, over HTTP."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def furl(self, grid_id: str, account_id: str, claim_ref: str) -> Key:
        """The grid's furl. Reading it changes nothing.

        Raises NotThere, Gone ("claim-ref-stale": there is a newer one; "grid-gone") or PeerUnavailable.
        """
        status, answer = await self._client.call(
            "POST", f"/grids/{grid_id}/furl", {"account_id": account_id, "claim_ref": claim_ref}
        )
        if status == 404:
            raise NotThere("no-such-grid")
        if status in {409, 410}:
            raise Gone("claim-ref-stale" if status == 409 else "grid-gone")
        try:
            if status == 200:
                found = msgspec.convert(answer, _Answer)
                return Key(Secret(found.furl), found.nickname, found.shares)
        except msgspec.ValidationError:
            pass
        raise PeerUnavailable("provisioner-unavailable")
