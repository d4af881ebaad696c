"""One account in a running stack, and everything that can happen to it. Most of it may fail: faults are part of it."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any, Literal

from s4_billing import books, provisioning
from s4_billing.books import Books
from s4_contracts.ids import AccountId, GridId, SignupId
from s4_contracts.provisioner import GridDeleted, ProvisioningFailed
from s4_runtime import derived_id, new_id
from support.billing_service import a_wish
from support.histories import promises
from support.histories.outside import Outside
from support.histories.stack import Mood, Stack

# Answers with which a person can live. A 500 is a defect, whatever has happened before.
_ANSWERS = frozenset({200, 402, 404, 409, 422, 429, 503})


class Eventful(Outside):
    """An account to which a history happens."""

    def __init__(self, stack: Stack, seed: int) -> None:
        super().__init__(stack.stripe, seed)
        self.stack = stack
        self.account = new_id()
        self.checkouts: list[str] = []
        self.failed: set[str] = set()

    async def open(self, plan: str = "personal", *, another: bool = False) -> None:
        """A tab with the way to pay: of the same checkout, or of another."""
        if another or not self.checkouts:
            self.checkouts.append(new_id())
        wish = a_wish(account_id=self.account, checkout_id=self.checkouts[-1], plan=plan)
        status, told = await self._call("POST", "/checkouts", wish)
        if status == 200:
            self.sees(told["url"].rpartition("/")[2])
        sql = "select stripe_customer_id from billing_customer where account_id = $1"
        self.customer = await self.stack.service.pool.fetchval(sql, self.account)

    async def forgotten_tab(self) -> None:
        """They pay in a session of which billing knows nothing: the answer got lost once, and its key too."""
        if not self.sessions or not self.customer:
            return
        with self.stripe.world.transaction() as tx:
            known = tx.need("checkout.session", self.sessions[-1])
            line = tx.need("_checkout", known["id"])["lines"][0]
        metadata = {f"subscription_data[metadata][{name}]": value for name, value in known["metadata"].items()}
        made = self.stripe.call(
            "POST",
            "/v1/checkout/sessions",
            mode="subscription",
            customer=self.customer,
            success_url="https://s4.example.org/",
            **{"line_items[0][price]": line["price"]["id"], "line_items[0][quantity]": "1", **metadata},
        )
        self.sees(made["id"])
        self.pay(-1)

    async def come_back(self) -> None:
        """The person is sent back to the site."""
        if self.checkouts:
            await self._call("POST", f"/checkouts/{self.checkouts[-1]}/sync", {})

    async def click(self, path: Literal["/cancel", "/resume", "/pay", "/sync"], **body: Any) -> None:
        """The owner clicks, perhaps twice."""
        wish = {} if path == "/sync" else {"request_id": new_id(), **body}
        for _ in range(self.random.choice((1, 1, 2))):
            await self._call("POST", f"/accounts/{self.account}{path}", wish)

    async def change_plan(self, plan: str) -> None:
        """The owner sees what another plan costs and takes it."""
        status, shown = await self._call("POST", f"/accounts/{self.account}/plan-preview", {"plan": plan})
        if status == 200:
            await self._call("POST", f"/accounts/{self.account}/plan", {"preview_id": shown["preview_id"]})

    async def refund(self, *, part: bool) -> None:
        """An operator gives back a bill, or a part of it."""
        status, shown = await self._call("GET", f"/accounts/{self.account}")
        paid = [bill for bill in shown.get("invoices", []) if bill["amount_paid"]]
        if status == 200 and paid:
            bill = self.random.choice(paid)
            wish = {"account_id": self.account, "invoice_id": bill["id"], "request_id": new_id(), "note": "as asked"}
            amount = {"amount": self.random.randint(1, bill["amount_paid"])} if part else {}
            status, told = await self.stack.operate("/operator/refunds", {**wish, **amount})
            assert status in _ANSWERS, (status, told)

    async def grid(self, what: Literal["failed", "deleted"]) -> None:
        """The provisioner tells that there will be no grid, or that there is none any more."""
        if not self.checkouts:
            return
        signup, now = self.random.choice(self.checkouts), self.stack.clock.now()
        about: dict[str, Any] = {
            "occurred_at": now,
            "account_id": AccountId(self.account),
            "signup_id": SignupId(signup),
        }
        grid = GridId(derived_id("grid", signup))
        async with self.stack.service.pool.transaction() as tx:
            if what == "failed":
                self.failed.add(signup)
                failed = ProvisioningFailed(**about, grid_id=grid, step="host", code="no-capacity", final=True)
                await provisioning.record_failure(failed, tx)
            else:
                await provisioning.record_deletion(GridDeleted(**about, grid_id=grid, objects=3), tx)

    async def told(self, mood: Mood) -> None:
        """Stripe's letters arrive so, and what arrived is handled, perhaps."""
        await self.stack.deliver(mood, self.random)
        if self.random.random() < 0.8:
            await self.stack.turn("events")

    async def crash(self, loop: str, readings: int) -> None:
        """The service dies in the middle of its work, and another one starts."""
        if loop == "cancel":
            wish = {"request_id": new_id(), "when": "now"}
            work: Coroutine[Any, Any, object] = self._call("POST", f"/accounts/{self.account}/cancel", wish)
        else:
            work = self.stack.guarded(self.stack.picked(loop))
        await self.stack.clock.cut(work, readings)
        await self.stack.restart()

    async def books(self) -> Books:
        """Our rows."""
        return await books.load(self.stack.service.pool, self.account)

    async def keeps_all_promises(self) -> None:
        """What must be true once everything is settled."""
        await self.stack.settle()
        rows, sql = await self.books(), "select id, type, error from stripe_event"
        assert await self.stack.service.sync.differences(self.account) == []
        assert await self.stack.rows(f"{sql} where state in ('dead', 'new')") == []
        sql = "select idempotency_key, state, error from stripe_command where state in ('pending', 'unknown')"
        assert await self.stack.rows(sql) == []
        events = await self.stack.events()
        promises.told_as_it_is(events, rows)
        if self.customer is not None:
            promises.one_live_subscription(self.stripe, self.customer, rows)
            promises.same_money(self.stripe, self.customer, rows)
            promises.nothing_kept_for_nothing(self.stripe, rows, self.failed)
            promises.debts_are_known(self.stripe, self.customer, rows, self.stack.clock.now())
        assert not self.stripe.world.journal.unimplemented, dict(self.stripe.world.journal.unimplemented)

    async def _call(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        status, told = await self.stack.call(method, path, body)
        assert status in _ANSWERS, (method, path, status, told)
        return status, told


CLICKS: Mapping[str, Callable[[Eventful], Awaitable[None]]] = MappingProxyType(
    {
        "asks how it stands": lambda life: life.click("/sync"),
        "comes back": lambda life: life.come_back(),
        "pays in a forgotten tab": lambda life: life.forgotten_tab(),
        "cancels now": lambda life: life.click("/cancel", when="now"),
        "cancels at the end": lambda life: life.click("/cancel", when="period_end"),
        "resumes": lambda life: life.click("/resume"),
        "pays the bill": lambda life: life.click("/pay"),
        "chooses a small plan": lambda life: life.change_plan("personal"),
        "chooses a large plan": lambda life: life.change_plan("large"),
        "is given a bill back": lambda life: life.refund(part=False),
        "is given a part back": lambda life: life.refund(part=True),
        "gets no grid": lambda life: life.grid("failed"),
        "has no grid any more": lambda life: life.grid("deleted"),
    }
)
