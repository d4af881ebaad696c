"""The one question to the provisioner: a grid's furl, for its owner."""

from typing import Any

import msgspec

from s4_runtime import PeerUnavailable, Secret, ServiceClient
from s4_web.troubles import Refused

_CODES = {404: "no-such-grid", 409: "claim-ref-stale", 410: "grid-gone"}


class Key(msgspec.Struct, frozen=True):
    """What an owner needs to use the grid; ``shares`` says how Tahoe is to spread a file."""

    furl: Secret
    nickname: str
    shares: dict[str, int]


def _secret(_wanted: type, text: Any) -> Secret:
    if not isinstance(text, str):
        raise TypeError
    return Secret(text)


class Provisioner:
    """The provisioner, over HTTP."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def furl(self, grid_id: str, account_id: str, claim_ref: str) -> Key:
        """The grid's furl; reading it changes nothing. Raises Refused (one of _CODES) or PeerUnavailable."""
        body = {"account_id": account_id, "claim_ref": claim_ref}
        status, answer = await self._client.call("POST", f"/grids/{grid_id}/furl", body)
        if status in _CODES:
            raise Refused(_CODES[status])
        try:
            return msgspec.convert(answer if status == 200 else None, Key, dec_hook=_secret)
        except msgspec.ValidationError:
            raise PeerUnavailable("provisioner-unavailable") from None
