"""A customer's life with billing: time that passes for Stripe and for us alike, and what was told meanwhile."""

from datetime import datetime, timedelta
from typing import Any, TypeVar

from s4_billing import books
from s4_billing.books import Books
from s4_billing.store import SubscriptionRow
from s4_contracts import Event
from s4_contracts.ids import AccountId, GridId, SignupId
from s4_contracts.provisioner import ProvisioningFailed
from s4_runtime import new_id
from support.billing_service import Billing, a_wish
from support.stripe_double import GOOD_CARD
from support.waiting import until

E = TypeVar("E", bound=Event)
DAY = timedelta(days=1)


class Life:
    """One account that has subscribed."""

    def __init__(self, billing: Billing, wish: dict[str, Any]) -> None:
        self.billing = billing
        self.account: str = wish["account_id"]
        self.signup: str = wish["checkout_id"]

    @classmethod
    async def subscribed(cls, billing: Billing, card: str = GOOD_CARD, **changes: Any) -> "Life":
        """An account that has paid with the card, and of which all events were handled."""
        life = cls(billing, a_wish(**changes))
        await billing.double.pay(
            await billing.open(a_wish(account_id=life.account, checkout_id=life.signup, **changes)), card
        )
        await billing.quiet()
        return life

    async def go(self, by: timedelta) -> None:
        """So much later, all that Stripe has told was handled, and all that was due was looked at."""
        self.billing.clock.ahead += by
        await self.billing.double.advance(int(by.total_seconds()))
        await self.settle()

    async def settle(self) -> None:
        """Nothing is under way any more."""
        await self.billing.quiet()
        while await self.billing.service.due.round():
            pass
        await self.billing.service.commands.settle(self.billing.service.sync.account)
        await until(self._nothing_is_being_done, within=15, what="no command is under way")
        await self.billing.quiet()

    async def _nothing_is_being_done(self) -> bool:
        """An event counts as handled before what we want because of it is done."""
        return not await self.billing.rows("select 1 from stripe_command where state = 'pending'")

    async def row(self) -> SubscriptionRow:
        """What we say of the account's subscription; of the kept one if there were several."""
        rows = [row for row in (await self.books()).subscriptions.values() if not row.duplicate]
        (row,) = rows
        return row

    async def books(self) -> Books:
        """All rows of the account."""
        return await books.load(self.billing.service.pool, self.account)

    async def told(self) -> list[str]:
        """The names of all events, in order."""
        return [type(event).__name__ for event in await self.billing.events()]

    async def events(self, kind: type[E]) -> list[E]:
        """All events of a type."""
        return [event for event in await self.billing.events() if isinstance(event, kind)]

    async def fact(self) -> dict[str, Any]:
        """The newest subscription as Stripe has it."""
        return (await self.billing.double.objects("/v1/subscriptions?status=all"))[0]

    async def card(self, behaviour: str, number: str = GOOD_CARD) -> None:
        """From now on the card's issuer does so."""
        await self.billing.double.order("/cards", number=number, behaviour=behaviour)

    def now(self) -> datetime:
        """By the clock of both."""
        return self.billing.clock.now()


def a_failure(life: Life, *, final: bool = True) -> ProvisioningFailed:
    """No grid can be made for the account."""
    return ProvisioningFailed(
        occurred_at=life.now(),
        account_id=AccountId(life.account),
        signup_id=SignupId(life.signup),
        grid_id=GridId(new_id()),
        step="host",
        code="no-capacity",
        final=final,
    )
