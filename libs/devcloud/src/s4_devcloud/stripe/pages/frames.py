"""Frames that the stand-in for Stripe.js opened.

The script proves itself with the publishable key and the session's client secret, and gets the address of a frame. The
address holds neither, so that no log and no Referer header does.
"""

import hmac
from dataclasses import dataclass

from s4_devcloud.stripe.access import check_publishable
from s4_devcloud.stripe.problems import Problem
from s4_devcloud.stripe.wire import new_id
from s4_devcloud.stripe.world import World


@dataclass(frozen=True)
class Frame:
    """A page around, and the session in the frame."""

    session_id: str
    origin: str


class Frames:
    """The frames opened since the start."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._frames: dict[str, Frame] = {}

    def open(self, key: str, client_secret: str, origin: str | None) -> str:
        """The name of a new frame. Raises Problem for a wrong key or secret, or an origin that is not a web page's."""
        check_publishable(key, self._world.settings)
        if origin is None or not origin.startswith(("http://", "https://")):
            raise Problem(400, "The page that embeds Checkout must have an http or https origin.")
        session_id = client_secret.partition("_secret_")[0]
        with self._world.transaction() as tx:
            session = tx.get("checkout.session", session_id)
        known = session["client_secret"] if session is not None else None
        if known is None or not hmac.compare_digest(str(known).encode(), client_secret.encode()):
            raise Problem(400, "No such Checkout Session, or the client secret does not belong to it.")
        name = new_id("frame")
        self._frames[name] = Frame(session_id, origin)
        return name

    def get(self, name: str) -> Frame:
        """An opened frame. Raises Problem 404."""
        if name not in self._frames:
            raise Problem(404, "No such frame.")
        return self._frames[name]
