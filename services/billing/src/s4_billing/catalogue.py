"""What is sold, and whether Stripe would charge exactly that."""

import asyncio
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from s4_billing.errors import SignupClosed, WrongWish
from s4_runtime import Permanent, get_logger
from s4_runtime.money import minor_digits
from s4_stripe.api import StripeApi
from s4_stripe.errors import StripeRejected
from s4_stripe.facts import Price

_FIRST_LOOK = 3.0  # seconds; a page that shows plans waits for this answer


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plan as the page shows it; ``amount`` is in the currency's minor unit. With ``trial_days`` it begins free."""

    id: str
    name: str
    description: str
    lookup_key: str
    amount: Annotated[int, msgspec.Meta(gt=0, le=99_999_999)]  # docs.stripe.com/currencies: eight digits
    currency: Annotated[str, msgspec.Meta(pattern="^[a-z]{3}$")]
    interval: Literal["month", "year"]
    quota_bytes: Annotated[int, msgspec.Meta(gt=0)]
    region: str
    trial_days: Annotated[int, msgspec.Meta(ge=0, le=730)] = 0  # docs.stripe.com/api: two years at most

    @property
    def monthly(self) -> float:
        """By which plans are called larger or smaller."""
        return self.amount / (12 if self.interval == "year" else 1)


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
    if len({plan.lookup_key for plan in named.values()}) != len(named):
        raise Permanent("catalogue-unusable", reason="two plans have one lookup key")
    for plan in named.values():
        if plan.amount % _step(plan.currency):
            raise Permanent("catalogue-unusable", reason=f"{plan.id}: an amount in {plan.currency} must end in a zero")
    return named


def _step(currency: str) -> int:
    """Of what every amount must be a multiple (docs.stripe.com/currencies, "Three-decimal" and "Special cases")."""
    if minor_digits(currency) == 3:
        return 10
    return 100 if currency in {"isk", "ugx"} else 1


def _packaged() -> str:
    return resources.files("s4_billing").joinpath("catalogue.toml").read_text(encoding="utf-8")


def differences(plan: Plan, price: Price | None, *, tax_extra: bool = False) -> list[str]:
    """What Stripe would charge otherwise than the plan says, in words for an operator.

    Minor units of two currencies are never compared: 2500 is $25 and ¥2,500.
    """
    if price is None:
        return [f"no active price with lookup key {plan.lookup_key}"]
    every = price.recurring
    same = plan.currency == price.currency
    compared = (
        ("amount", plan.amount if same else None, price.unit_amount if same else None),
        ("currency", plan.currency, price.currency),
        ("interval", plan.interval, every.interval if every else "once"),
        ("interval count", 1, every.interval_count if every else 1),
        ("usage", "licensed", every.usage_type if every else "licensed"),
        ("tax", "exclusive" if tax_extra else None, price.tax_behavior if tax_extra else None),
    )
    return [f"{name} is {theirs}, not {ours}" for name, ours, theirs in compared if ours != theirs]


class Catalogue:
    """The plans, and the prices that Stripe had for them at the last look. Closed until the first look."""

    def __init__(self, plans: Mapping[str, Plan], api: StripeApi, *, tax_extra: bool = False) -> None:
        self.plans = plans
        self.tax_extra = tax_extra  # Stripe adds tax to what the plans say
        self.wrong: Mapping[str, list[str]] = {}
        self._prices: Mapping[str, Price] | None = None
        self._api = api
        self._looked = asyncio.Event()

    async def looked(self) -> None:
        """Stripe was asked since the start, or has not answered yet: then nobody waits any longer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_LOOK):
                await self._looked.wait()

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

    def name_of(self, plan: str | None) -> str | None:
        """How the plan is called."""
        return self.plans[plan].name if plan is not None and plan in self.plans else plan

    async def check(self) -> None:
        """Compare every plan with its price at Stripe, and say how they differ when that is news."""
        prices = await self._api.prices([plan.lookup_key for plan in self.plans.values()])
        by_key = {price.lookup_key: price for price in prices if price.lookup_key}
        found = {
            plan.id: differences(plan, by_key.get(plan.lookup_key), tax_extra=self.tax_extra)
            for plan in self.plans.values()
        }
        wrong = {plan: differs for plan, differs in found.items() if differs}
        if wrong and wrong != self.wrong:
            get_logger().error("catalogue.differs", plans=wrong)
        elif not wrong and not self.is_open:
            get_logger().info("catalogue.agrees", plans=sorted(self.plans))
        self._prices, self.wrong = by_key, wrong
        self._looked.set()

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
                **({"tax_behavior": "exclusive"} if self.tax_extra else {}),
            }
            await self._api.create_price(price, f"price:{plan.lookup_key}")
        await self.check()
