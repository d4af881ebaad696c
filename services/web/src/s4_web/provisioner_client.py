"""What is asked of the provisioner for an owner: a grid's furl, and what is stored in it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec

from s4_runtime import PeerUnavailable, Secret, ServiceClient
from s4_web.troubles import Refused

_CODES = {404: "no-such-grid", 409: "claim-ref-stale", 410: "grid-gone"}
_EXPORT_CODES = {404: "nothing-to-export", 409: "nothing-to-export", 410: "grid-deleted"}
_LIST_PATIENCE = 30.0  # seconds, for a page of a thousand objects
Time = Annotated[datetime, msgspec.Meta(tz=True)]
S = TypeVar("S", bound=msgspec.Struct)


class Key(msgspec.Struct, frozen=True):
    """What an owner needs to use the grid; ``shares`` says how Tahoe is to spread a file."""

    furl: Secret
    nickname: str
    shares: dict[str, int]


class Stored(msgspec.Struct, frozen=True):
    """One object; whoever has its address can read it for a while."""

    key: str
    size: int
    modified: Time
    url: Secret


class Listing(msgspec.Struct, frozen=True):
    """A page of objects in the order of their keys; ``next`` is the key after which the next page begins."""

    objects: tuple[Stored, ...]
    next: str | None
    urls_until: Time


class Access(msgspec.Struct, frozen=True):
    """Keys that open one bucket for reading, and for a while."""

    bucket: str
    region: str
    access_key_id: str
    secret_access_key: Secret
    session_token: Secret
    expires_at: Time
    endpoint: str | None = None


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

    async def objects(self, grid_id: str, account_id: str, after: str | None, limit: int) -> Listing:
        """A page of what is stored, after that key. Raises Refused (one of _EXPORT_CODES) or PeerUnavailable."""
        body = {"account_id": account_id, "after": after, "limit": limit}
        listing = await self._export(f"/grids/{grid_id}/export/objects", body, Listing)
        if listing.next is not None and listing.next <= (after or ""):
            raise PeerUnavailable("export-unavailable")  # it would never end
        return listing

    async def access(self, grid_id: str, account_id: str) -> Access:
        """New keys for the grid's bucket. Raises Refused (one of _EXPORT_CODES) or PeerUnavailable."""
        return await self._export(f"/grids/{grid_id}/export/session", {"account_id": account_id}, Access)

    async def _export(self, path: str, body: Mapping[str, object], shape: type[S]) -> S:
        try:
            status, answer = await self._client.call("POST", path, body, seconds=_LIST_PATIENCE)
            if status in _EXPORT_CODES:
                raise Refused(_EXPORT_CODES[status])
            return msgspec.convert(answer if status == 200 else None, shape, dec_hook=_secret)
        except (PeerUnavailable, msgspec.ValidationError):
            raise PeerUnavailable("export-unavailable") from None
