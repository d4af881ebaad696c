"""What owners decide, as they and the other services go about it."""

from datetime import datetime
from typing import Any

from s4_contracts import Event
from s4_contracts.provisioner import DeletionScheduled, GridDeleted, GridResumed, GridSuspended
from s4_runtime import new_id
from support.web_peers import CANNOT, ENDED, Browser, Page
from support.web_site import Buyer, RunningSite

NEW = "ada@new.example.com"


async def send(browser: Browser, buyer: Buyer, what: str, **form: str) -> Page:
    """The form is sent as the page has it."""
    return await browser.post(f"/account/{buyer.account_id}/{what}", {"csrf": await browser.csrf(), **form})


async def told(site: RunningSite, kind: type[Event]) -> list[Any]:
    """The events of this kind, in their order."""
    return [event for event in await site.emitted() if isinstance(event, kind)]


async def requests(site: RunningSite) -> list[str]:
    """The ids of all changes of address that were asked for, in their order."""
    rows = await site.pool.fetch("SELECT request_id FROM email_changes ORDER BY asked_at, request_id")
    return [row["request_id"] for row in rows]


async def email_link(site: RunningSite, buyer: Buyer, side: str, **claims: Any) -> str:
    """The token in the letter to one of the two addresses, about the last change that was asked for."""
    now = int(site.clock.now().timestamp())
    about: dict[str, Any] = {"aud": "s4-web-email", "rid": (await requests(site))[-1], "side": side}
    return buyer.link(**{**about, "jti": new_id(), "grid": None, "ref": None, "exp": now + 48 * 3600, **claims})


def letters_link(buyer: Buyer, **claims: Any) -> str:
    """The token of a letter that one can do without."""
    about = {"aud": "s4-web-letters", "jti": new_id(), "grid": None, "ref": None, "exp": None}
    return buyer.link(**{**about, **claims})


async def answers(browser: Browser, token: str, answer: str = "confirm") -> Page:
    """The link of the letter is opened, and one of its buttons pressed."""
    page = await browser.get("/email/confirm", params={"token": token})
    if page.status != 200 or 'id="answer"' not in page.text:
        return page
    form = {"csrf": page.value("csrf"), "token": page.value("token"), "answer": answer}
    return await browser.post("/email/confirm", form)


async def asks(site: RunningSite, browser: Browser, buyer: Buyer, email: str = NEW) -> None:
    """The owner wants another address."""
    sent = await send(browser, buyer, "email", email=email)
    assert (sent.status, sent.place) == (303, f"/account/{buyer.account_id}/email")


async def moves(site: RunningSite, browser: Browser, buyer: Buyer, email: str = NEW) -> None:
    """The owner has another address, confirmed at both ends."""
    await asks(site, browser, buyer, email)
    for side in ("old", "new"):
        async with site.browser() as mailbox:
            assert (await answers(mailbox, await email_link(site, buyer, side))).status == 200


def has_left(buyer: Buyer, **changed: Any) -> None:
    """Billing says that the subscription is over."""
    buyer.has_account(**{"state": "ended", "ended": ENDED, "can": CANNOT, "next": None, **changed})


def _of(site: RunningSite, buyer: Buyer) -> dict[str, Any]:
    ids = {"account_id": buyer.account_id, "signup_id": buyer.signup_id, "grid_id": buyer.grid_id}
    return {**ids, "occurred_at": site.clock.now()}


def stopped(site: RunningSite, buyer: Buyer, reason: str = "owner") -> GridSuspended:
    return GridSuspended(**_of(site, buyer), reason=reason)


def resumed(site: RunningSite, buyer: Buyer) -> GridResumed:
    return GridResumed(**_of(site, buyer), proved_at=site.clock.now())


def deleted(site: RunningSite, buyer: Buyer) -> GridDeleted:
    return GridDeleted(**_of(site, buyer), objects=3)


def scheduled(
    site: RunningSite, buyer: Buyer, at: datetime, revision: int = 1, *, by_owner: bool = True
) -> DeletionScheduled:
    return DeletionScheduled(**_of(site, buyer), delete_at=at, by_owner=by_owner, revision=revision)


async def another_grid(site: RunningSite, email: str = "ada@example.com") -> Buyer:
    """Somebody signs up with this address in a browser of their own, pays, and has a grid."""
    async with site.browser() as browser:
        await browser.sign_up(email)
    buyer = await site.buyer()
    await site.hears(buyer.paid(email=email), buyer.furl_issued())
    buyer.has_account()
    return buyer
