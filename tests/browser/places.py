"""A page in one of its states, and the world that it is shown in."""

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec
from playwright.async_api import Page

from support.web_peers import Browser
from support.web_site import Buyer, RunningSite

Who = Literal["anybody", "visitor", "buyer", "member"]


class Scene(msgspec.Struct):
    """The world of one page: the site, a person's browser at the wire, and who they are to the other services."""

    site: RunningSite
    browser: Browser
    buyer: Buyer | None = None
    links: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def owner(self) -> Buyer:
        """Whoever signed up."""
        assert self.buyer is not None, "only who has signed up is somebody"
        return self.buyer


class Place(msgspec.Struct, frozen=True):
    """One page in one state."""

    name: str
    path: str
    who: Who = "anybody"
    status: int = 200
    arrange: Callable[[Scene], Awaitable[None]] | None = None
    act: Callable[[Page], Awaitable[None]] | None = None
    is_public: bool = False
