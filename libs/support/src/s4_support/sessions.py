"""Operators who are signed in. A session ends with its age, with the operator's token, and by signing out."""

import hashlib
import hmac

from s4_store import Transaction
from s4_support.site import Site


def who_has(site: Site, token: str) -> str | None:
    """The operator whose token this is. The time taken does not tell how much of a token fits."""
    shown = token.encode("utf-8", "surrogateescape")
    fits = [name for name, known in site.named.items() if hmac.compare_digest(shown, known)]
    return fits[0] if fits else None


async def begin(tx: Transaction, site: Site, session: bytes, who: str) -> None:
    """The session is open for the operator."""
    sql = "INSERT INTO sessions (session, who, token_print, began_at) VALUES ($1, $2, $3, $4)"
    await tx.execute(sql, session, who, _print(site, who), site.clock.now())


async def who(site: Site, session: bytes) -> str | None:
    """The operator whose session goes on."""
    sql = "SELECT who, token_print FROM sessions WHERE session = $1 AND began_at > $2"
    row = await site.pool.fetchrow(sql, session, site.clock.now() - site.settings.session_age)
    if row is None or row["who"] not in site.named:
        return None
    fits = hmac.compare_digest(row["token_print"], _print(site, row["who"]))
    return str(row["who"]) if fits else None


async def end(tx: Transaction, session: bytes) -> None:
    """The session is over."""
    await tx.execute("DELETE FROM sessions WHERE session = $1", session)


def _print(site: Site, who: str) -> bytes:
    key = site.settings.cookie_key.reveal().encode()
    return hmac.new(key, b"token:" + site.named[who], hashlib.sha256).digest()
