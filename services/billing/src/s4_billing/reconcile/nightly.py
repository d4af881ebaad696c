"""Every night: each subscription at Stripe against each row of ours, both ways.

The first comparison is of what one listing gives, a hundred subscriptions at a time. What differs in it is looked at
whole, by the look that ``Sync`` itself takes, and only what would then be written otherwise is drift: a change that
was on its way while we listed is none.
"""

import time
from collections.abc import Mapping

import msgspec

from s4_billing import store
from s4_billing.catalogue import Catalogue
from s4_billing.customers import Customers
from s4_billing.derive import State, moment
from s4_billing.reconcile import rows, runs
from s4_billing.reconcile.lost import Lost
from s4_billing.reconcile.metrics import COMPARED, DRIFT, FOUND
from s4_billing.settings import Settings
from s4_billing.store import SubscriptionRow
from s4_billing.sync import Sync
from s4_runtime import Clock, Temporary, get_logger
from s4_store import Pool
from s4_stripe.api import StripeApi
from s4_stripe.errors import NotAtStripe
from s4_stripe.facts import Subscription

MOST_UNCLEAR = 20  # of which Stripe tells nothing now; with more it is Stripe's trouble, and the look is repeated


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """One difference.

    ``unknown``: at Stripe, of no account of ours; ``missing``: of an account, but without a row; ``vanished``: not at
    Stripe any more; ``differs``: the row says something else; ``unclear``: Stripe could not tell.
    """

    kind: str
    stripe_id: str
    account_id: str | None
    ours: str
    theirs: str
    applied: bool = False


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a look has found; ``seconds`` it took, ``requests`` it made."""

    run_id: int
    compared: int
    requests: int
    seconds: float
    drift: list[Drift]


class Everything:
    """The look at everything."""

    def __init__(
        self,
        pool: Pool,
        api: StripeApi,
        sync: Sync,
        *,
        catalogue: Catalogue,
        customers: Customers,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._pool = pool
        self._api = api
        self._sync = sync
        self._catalogue = catalogue
        self._customers = customers
        self._clock = clock
        self._settings = settings
        self._lost = Lost(pool, api, customers, clock, settings.deployment)

    async def turn(self) -> None:
        """Look, unless some replica did so within the interval; follow Stripe only if the settings say so."""
        now = self._clock.now()
        run = await runs.begin(self._pool, "nightly", self._settings.reconcile_nightly, now)
        if run is not None:
            await self._look(run, apply=self._settings.drift_apply)

    async def look(self, *, apply: bool, lost: bool = False) -> Report:
        """Look now. With ``apply``, each account that differs follows Stripe; with ``lost``, those without rows too."""
        sql = "insert into reconcile_run (started_at, scope) values ($1, 'nightly') returning id"
        return await self._look(await self._pool.fetchval(sql, self._clock.now()), apply=apply, lost=lost)

    async def last(self) -> Report | None:
        """The last look that was finished."""
        sql = (
            "select *, extract(epoch from finished_at - started_at)::float8 as seconds from reconcile_run"
            " where scope = 'nightly' and finished_at is not null order by id desc limit 1"
        )
        row = await self._pool.fetchrow(sql)
        if row is None:
            return None
        found = await self._pool.fetch("select * from drift where run_id = $1 order by kind, stripe_id", row["id"])
        drift = [msgspec.convert({**each}, Drift) for each in found]
        return Report(
            run_id=row["id"], compared=row["compared"], requests=row["requests"], seconds=row["seconds"], drift=drift
        )

    async def _look(self, run: int, *, apply: bool, lost: bool = False) -> Report:
        began, calls = time.monotonic(), self._api.calls
        ours = await rows.all_subscriptions(self._pool)
        suspects: dict[str, Subscription | None] = {}
        compared = 0
        async for fact in self._api.all_subscriptions():
            compared += 1
            row = ours.pop(fact.id, None)
            if self._is_ours(fact) and (row is None or _differs(row, fact) or self._has_another_plan(row, fact)):
                suspects[fact.id] = fact
        suspects |= {row.stripe_subscription_id: None for row in ours.values() if row.state is not State.ENDED}
        if lost and apply:
            for fact in filter(None, suspects.values()):
                await self._lost.bring_back(fact)
        drift = await self._judged(suspects, apply=apply)
        await self._record(run, drift, compared, self._api.calls - calls)
        seconds = round(time.monotonic() - began, 1)
        return Report(run_id=run, compared=compared, requests=self._api.calls - calls, seconds=seconds, drift=drift)

    def _is_ours(self, fact: Subscription) -> bool:
        return fact.metadata.get("deployment", self._settings.deployment) == self._settings.deployment

    def _has_another_plan(self, row: SubscriptionRow, fact: Subscription) -> bool:
        key = next((item.price.lookup_key for item in fact.items.data), None)
        return self._catalogue.plan_of(key) not in {None, row.plan, row.pending_plan}

    async def _judged(self, suspects: Mapping[str, Subscription | None], *, apply: bool) -> list[Drift]:
        """What is wrong. One account's trouble is not the others'. Raises Temporary if it is that of many."""
        drift, unclear = [], 0
        for name, fact in suspects.items():
            try:
                found = await self._judge(name, fact, apply=apply)
            except Temporary as trouble:
                unclear += 1
                if unclear > MOST_UNCLEAR:
                    raise
                account_id = await rows.account_of_subscription(self._pool, name)
                found = Drift(kind="unclear", stripe_id=name, account_id=account_id, ours="", theirs=trouble.code)
            drift += [found] if found else []
        return drift

    async def _judge(self, stripe_id: str, fact: Subscription | None, *, apply: bool) -> Drift | None:
        """The drift of one suspect, or None if a whole look finds none."""
        account_id = await rows.account_of_subscription(self._pool, stripe_id)
        if account_id is None and fact is not None:
            account_id = await store.account_of(self._pool, fact.customer)
            if account_id is None and apply:
                account_id = await self._adopt(fact.customer)
        if account_id is None:
            theirs = fact.status if fact else "gone"
            return Drift(kind="unknown", stripe_id=stripe_id, account_id=None, ours="nothing", theirs=theirs)
        for before, after in await self._sync.differences(account_id):
            if after.stripe_subscription_id == stripe_id:
                if apply:
                    await self._sync.account(account_id)
                kind = "missing" if before is None else "vanished" if fact is None else "differs"
                ours, theirs = _words(before, after)
                return Drift(
                    kind=kind, stripe_id=stripe_id, account_id=account_id, ours=ours, theirs=theirs, applied=apply
                )
        return None

    async def _adopt(self, customer: str) -> str | None:
        try:
            return await self._customers.adopt(customer)
        except NotAtStripe:
            return None

    async def _record(self, run: int, drift: list[Drift], compared: int, requests: int) -> None:
        async with self._pool.transaction() as tx:
            columns = "run_id, kind, account_id, stripe_id, ours, theirs, applied"
            sql = f"insert into drift ({columns}) values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing"  # noqa: S608  names of ours
            found = [(run, d.kind, d.account_id, d.stripe_id, d.ours, d.theirs, d.applied) for d in drift]
            await tx.executemany(sql, found)
        await runs.finish(self._pool, run, self._clock.now(), compared=compared, drift=len(drift), requests=requests)
        DRIFT.set(sum(not each.applied for each in drift))
        COMPARED.set(compared)
        for each in drift:
            FOUND.labels(each.kind).inc()
        log = get_logger().error if drift else get_logger().info
        log("reconcile.nightly", compared=compared, drift=len(drift), requests=requests)


def _differs(row: SubscriptionRow, fact: Subscription) -> bool:
    """Whether what the listing gives is not what the row was made from."""
    ends = max((item.current_period_end for item in fact.items.data), default=None)
    bill = fact.latest_invoice
    is_failing = bill is not None and bill.status == "open" and bill.attempt_count > 0
    tried = bill.attempt_count if bill is not None and is_failing and bill.id == row.failing_invoice else row.attempts
    theirs = (fact.status, moment(ends), moment(fact.cancel_at or (ends if fact.cancel_at_period_end else None)))
    ours = (row.stripe_status, row.period_end, row.cancel_at)
    is_live = row.state is not State.ENDED
    return theirs != ours or tried != row.attempts or (is_live and is_failing and row.failing_invoice is None)


def _words(before: SubscriptionRow | None, after: SubscriptionRow) -> tuple[str, str]:
    """What differs, field by field."""
    new: Mapping[str, object] = msgspec.structs.asdict(after)
    old: Mapping[str, object] = msgspec.structs.asdict(before) if before else {}
    names = [name for name in new if old.get(name) != new[name] and name not in {"id", "review_at"}]
    ours = " ".join(f"{name}={old.get(name)}" for name in names) if before else "nothing"
    return ours, " ".join(f"{name}={new[name]}" for name in names)
