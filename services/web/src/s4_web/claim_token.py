"""The links in letters: tokens that the notifier signed, and only its public key is here."""

from typing import Literal, TypeVar

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.types import Options

from s4_runtime import Clock, Permanent, derived_id, is_id

_LONGEST = 4096  # bytes; ours have about 500

# Whether it has expired is decided below, by a clock that is given; expired ones are read too.
_OPTIONS: Options = {"require": ["iss", "aud", "iat"], "verify_exp": False, "verify_iat": False}


class _Said(msgspec.Struct, frozen=True):
    jti: str
    sub: str
    iat: float


class _SaidUntil(_Said, frozen=True, kw_only=True):
    exp: float
    adr: str | None = None


class _SaidOfGrid(_SaidUntil, frozen=True, kw_only=True):
    grid: str
    ref: str


class _SaidOfEmail(_SaidUntil, frozen=True, kw_only=True):
    rid: str
    side: Literal["old", "new"]


S = TypeVar("S", bound=_Said)


class SignIn(msgspec.Struct, frozen=True):
    """What a genuine link for signing in says."""

    letter_id: str
    account_id: str
    issued_at: float
    is_expired: bool
    address: str | None = None


class EmailLink(msgspec.Struct, frozen=True):
    """What a genuine link about a change of address says, and at which of the two addresses it was read."""

    account_id: str
    request_id: str
    side: Literal["old", "new"]
    is_expired: bool
    address: str | None = None


class Claim(msgspec.Struct, frozen=True):
    """What a genuine token says. ``is_expired`` tokens are still good for asking for a new letter."""

    letter_id: str
    account_id: str
    grid_id: str
    claim_ref: str
    issued_at: float
    is_expired: bool
    address: str | None = None


def went_to(address: str | None, email: str) -> bool:
    """Whether a link went to this address. A link from before links named theirs may have gone to any."""
    return address is None or address == derived_id("address", email.lower())


class ClaimVerifier:
    """Checks tokens: EdDSA and nothing else, from the notifier, for this site and for one purpose."""

    def __init__(self, public_key_pem: str, clock: Clock) -> None:
        try:
            key = load_pem_public_key(public_key_pem.encode())
        except ValueError:
            raise Permanent("claim-public-key-unusable") from None
        if not isinstance(key, Ed25519PublicKey):
            raise Permanent("claim-public-key-not-ed25519")
        self._key = key
        self._clock = clock

    def read(self, token: str) -> Claim | None:
        """The claim in the token, or None when it is not a genuine one."""
        said = self._said(token, "s4-web", _SaidOfGrid)
        if said is None or not is_id(said.grid):
            return None
        return Claim(said.jti, said.sub, said.grid, said.ref, said.iat, self._is_over(said), said.adr)

    def sign_in(self, token: str) -> SignIn | None:
        """Who may sign in with the token, or None when it is not a genuine one."""
        said = self._said(token, "s4-web-sign-in", _SaidUntil)
        return SignIn(said.jti, said.sub, said.iat, self._is_over(said), said.adr) if said else None

    def email(self, token: str) -> EmailLink | None:
        """Which change of address may be answered with the token, or None when it is not a genuine one."""
        said = self._said(token, "s4-web-email", _SaidOfEmail)
        if said is None or not is_id(said.rid):
            return None
        return EmailLink(said.sub, said.rid, said.side, self._is_over(said), said.adr)

    def letters(self, token: str) -> str | None:
        """The account whose optional letters may be stopped with the token. Such a token never expires."""
        said = self._said(token, "s4-web-letters", _Said)
        return said.sub if said else None

    def _is_over(self, said: _SaidUntil) -> bool:
        return said.exp <= self._clock.now().timestamp()

    def _said(self, token: str, audience: str, shape: type[S]) -> S | None:
        if not 0 < len(token) <= _LONGEST:
            return None
        try:
            body = jwt.decode(
                token, self._key, algorithms=["EdDSA"], audience=audience, issuer="s4-notifier", options=_OPTIONS
            )
            said = msgspec.convert(body, shape)
        except (jwt.InvalidTokenError, msgspec.ValidationError):
            return None
        return said if is_id(said.jti) and is_id(said.sub) else None
