"""A customer with a browser and a mailbox, from whose side a year is seen."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

from s4_shop.demo.customer import TEST_CARD, Customer
from s4_shop.demo.progress import Progress
from support.waiting import until
from support.year.services import Street

EMAIL = "ada@example.com"
NEW_CARD = {**TEST_CARD, "number": "5555 5555 5555 4444"}
_CLAIM = re.compile(r"https?://\S+/claim\?token=[\w.~-]+")
_ENTER = re.compile(r"https?://\S+/sign-in/link\?token=[\w.~-]+")
_PATIENCE = 60.0  # seconds; what comes, comes in a fraction of one


class Owner:
    """Opens pages, fills in forms, reads letters, and lets time pass."""

    def __init__(self, street: Street, browser: Customer) -> None:
        self._street = street
        self._browser = browser
        self._read: set[int] = set()
        self.account = ""

    async def buys(self, plan: str) -> None:
        """From the first page over Stripe's to a grid that is ready."""
        await self._browser.sign_up(EMAIL, plan)
        await self._browser.pay()

        async def is_ready() -> bool:
            progress = Progress()
            progress.read(await self._browser.open(urljoin(self._street.origin, "/status")))
            return progress.state == "ready"

        await until(is_ready, within=_PATIENCE, what="the grid is ready")

    async def claims(self, subject: str) -> str:
        """The furl, by the link in a letter."""
        letter = await self.letter(subject)
        return await self._browser.claim(_CLAIM.findall(letter["text"])[0])

    async def signs_in(self) -> None:
        """With a mailed link; the account's page is open."""
        await self._browser.open(urljoin(self._street.origin, "/sign-in"))
        await self._browser.send("sign-in", {"email": EMAIL})
        letter = await self.letter("sign in")
        await self._browser.open(_ENTER.findall(letter["text"])[0])
        await self._browser.send("enter", {})
        await self.looks()

    async def looks(self) -> str:
        """What the account's page says of the state."""
        await self._browser.open(self.account or urljoin(self._street.origin, "/account"))
        self.account = self._browser.url.partition("?")[0]
        return self._browser.page.texts["state"].strip()

    async def sees(self, state: str) -> None:
        """The account's page comes to say so."""

        async def does() -> bool:
            return await self.looks() == state

        await until(does, within=_PATIENCE, what=f"the page says {state}")

    async def text(self, part: str) -> str:
        """A part of the account's page."""
        await self.looks()
        return " ".join(self._browser.page.texts[part].split())

    async def presses(self, form: str, **typed: str) -> None:
        """A button of the page that is open."""
        await self._browser.send(form, typed)

    async def chooses(self, plan: str) -> str:
        """Another plan; the amount that is shown before anything is changed."""
        await self._browser.open(f"{self.account}/plan")
        await self._browser.send("plan", {"plan": plan})
        return self._browser.page.texts["amount-now"].strip()

    async def leaves(self, when: str) -> None:
        """The subscription is cancelled."""
        await self._browser.open(f"{self.account}/cancel")
        await self._browser.send("cancel", {"when": when})

    async def gives_another_card(self) -> None:
        """In Stripe's portal, and back."""
        form = "other-card" if await self.looks() != "Active" else "card"
        await self._browser.send(form, {})
        wanted = self._browser.page.form()
        fields = {} if wanted is None else wanted.fields.keys() | wanted.choices.keys()
        await self._browser.send(None, {name: value for name, value in NEW_CARD.items() if name in fields})
        await self._browser.open(f"{self.account}?done=portal")

    def bank(self, behaviour: Any) -> None:
        """What the bank of the first card does from now on."""
        self._street.stripe.bank(behaviour)

    async def waits(self, days: float) -> None:
        """Days pass for everybody."""
        self._street.stripe.world.clock.advance(int(timedelta(days=days).total_seconds()))

    async def waits_for_renewal(self) -> None:
        """Until Stripe has made the next period's bill and tried to collect it, and a little longer."""
        (fact,) = self._street.stripe.listed("/v1/subscriptions")
        left = fact["items"]["data"][0]["current_period_end"] - self._street.stripe.world.clock.now()
        await self.waits(timedelta(seconds=left) / timedelta(days=1) + 0.1)

    async def letter(self, subject: str) -> dict[str, Any]:
        """The next letter that was not read before; it has this in its subject."""

        async def has_come() -> dict[str, Any]:
            new = [each for each in await self._street.sink.letters(EMAIL) if each["number"] not in self._read]
            fitting = [each for each in new if subject in each["subject"]]
            assert fitting, [each["subject"] for each in new]
            return fitting[-1]

        found: dict[str, Any] = await until(has_come, within=_PATIENCE, what=f"a letter: {subject}")
        self._read.add(found["number"])
        return found

    async def unread(self) -> list[str]:
        """The subjects of letters that nobody waited for."""
        letters = await self._street.sink.letters(EMAIL)
        return [each["subject"] for each in letters if each["number"] not in self._read]
