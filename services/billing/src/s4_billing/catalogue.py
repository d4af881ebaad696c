"""What is sold, and whether Stripe would charge exactly that."""

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import msgspec

from s4_billing.errors import SignupClosed, WrongWish
from s4_runtime import Permanent, get_logger
from s4_stripe.api import StripeApi
from s4_stripe.errors import StripeRejected
from s4_stripe.facts import Price


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plan as the page shows it; ``amount`` is in the currency's minor unit."""

    id: str
    name: str
    description: str
    lookup_key: str
    amount: int
    currency: str
    interval: str
    quota_bytes: int
    region: str


def read(path: Path | None) -> dict[str, Plan]:
    """The plans of the file, or of the one that comes with the service. Raises Permanent if it cannot be used."""
    try:
        text = path.read_text(encoding="utf-8") if path else _packaged()
        named = msgspec.convert(
            {key: {"id": key, **value} for key, value in tomllib.loads(text).items()}, dict[str, Plan]
        )
    except (OSError, ValueError, TypeError, msgspec.ValidationError) as error:
        raise Permanent("catalogue-unusable", reason=str(error)) from None
    if not named:
        raise Permanent("catalogue-unusable", reason="it has no plan")
    return named


def _packaged() -> str:
    return resources.files("s4_billing").joinpath("catalogue.toml").read_text(encoding="utf-8")


def differences(plan: Plan, price: Price | None) -> list[str]:
    """What Stripe would charge otherwise than the plan says, in words for an operator."""
    if price is None:
        return [f"no active price with lookup key {plan.lookup_key}"]
    every = price.recurring
    compared = (
        ("amount", plan.amount, price.unit_amount),
        ("currency", plan.currency, price.currency),
        ("interval", plan.interval, every.interval if every else "once"),
        ("interval count", 1, every.interval_count if every else 1),
    )
    return [f"{name} is {theirs}, not {ours}" for name, ours, theirs in compared if ours != theirs]


class Catalogue:
    """The plans, and the prices that Stripe had for them at the last look. Closed until the first look."""

    def __init__(self, plans: Mapping[str, Plan], api: StripeApi) -> None:
        self.plans = plans
        self.wrong: Mapping[str, list[str]] = {}
        self._prices: Mapping[str, Price] | None = None
        self._api = api

    @property
    def is_open(self) -> bool:
        """Whether all plans would be charged as shown."""
        return self._prices is not None and not self.wrong

    def price_of(self, plan: str) -> str:
        """Stripe's id of the plan's price. Raises WrongWish for no such plan, SignupClosed while plans differ."""
        if plan not in self.plans:
            raise WrongWish("unknown-plan")
        if self._prices is None or self.wrong:
            raise SignupClosed("signup-closed")
        return self._prices[self.plans[plan].lookup_key].id

    def plan_of(self, lookup_key: str | None) -> str | None:
        """The plan that is charged by the price with this key."""
        return next((plan.id for plan in self.plans.values() if plan.lookup_key == lookup_key), None)

    async def check(self) -> None:
        """Compare every plan with its price at Stripe, and say how they differ when that is news."""
        prices = await self._api.prices([plan.lookup_key for plan in self.plans.values()])
        by_key = {price.lookup_key: price for price in prices if price.lookup_key}
        found = {plan.id: differences(plan, by_key.get(plan.lookup_key)) for plan in self.plans.values()}
        wrong = {plan: differs for plan, differs in found.items() if differs}
        if wrong and wrong != self.wrong:
            get_logger().error("catalogue.differs", plans=wrong)
        elif not wrong and not self.is_open:
            get_logger().info("catalogue.agrees", plans=sorted(self.plans))
        self._prices, self.wrong = by_key, wrong

    async def push(self) -> None:
        """Stripe has a product and a price for each plan that had none. What exists is never changed."""
        await self.check()
        for plan in [self.plans[name] for name in self.wrong]:
            if self._prices is not None and plan.lookup_key in self._prices:
                continue  # exists, but differs: a price cannot be changed, and a person must decide
            product = f"s4-{plan.id}"
            try:
                shown = {"id": product, "name": plan.name, "description": plan.description}
                await self._api.create_product(shown, f"product:{plan.id}")
            except StripeRejected as rejected:
                if rejected.ids.get("reason") != "resource_already_exists":
                    raise
            price = {
                "product": product,
                "currency": plan.currency,
                "unit_amount": plan.amount,
                "recurring": {"interval": plan.interval},
                "lookup_key": plan.lookup_key,
            }
            await self._api.create_price(price, f"price:{plan.lookup_key}")
        await self.check()
