"""Which items a subscription has after a change of them."""

from dataclasses import dataclass, replace

from s4_devcloud.stripe.periods import later
from s4_devcloud.stripe.problems import NotImplementedHere, invalid, missing, no_such
from s4_devcloud.stripe.resources.subscription_shape import new_item
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire

_KNOWN = ("id", "price", "quantity", "deleted")


@dataclass(frozen=True)
class Pair:
    """One item before and after; None where it does not exist."""

    before: Wire | None
    after: Wire | None

    @property
    def restarts(self) -> bool:
        """Whether its periods get another length, so that billing begins anew."""
        if self.before is None or self.after is None:
            return False
        return _length(self.before) != _length(self.after)

    def begun(self, now: int) -> "Pair":
        """The same with a period that begins now."""
        if self.after is None:
            return self
        interval, count = _length(self.after)
        times = {"current_period_start": now, "current_period_end": later(now, interval, count)}
        return replace(self, after={**self.after, **times})


def apply(tx: Transaction, subscription: Wire, wanted: list[Wire]) -> list[Pair]:
    """Every item, changed as wanted. Raises Problem if that cannot be."""
    pairs = {item["id"]: Pair(item, item) for item in subscription["items"]["data"]}
    for index, change in enumerate(wanted):
        place = f"items[{index}]"
        for name in change:
            if name not in _KNOWN:
                raise NotImplementedHere(f"{place}[{name}]", f"{place}[{name}]")
        if "id" in change:
            if change["id"] not in pairs:
                raise no_such("subscription item", change["id"], f"{place}[id]", 400)
            before = pairs[change["id"]].before
            pairs[change["id"]] = Pair(before, _changed(tx, before or {}, change, place))
        else:
            added = _added(tx, subscription, change, place)
            pairs[added["id"]] = Pair(None, added)
    _check(subscription, [pair.after for pair in pairs.values() if pair.after is not None])
    return list(pairs.values())


def _changed(tx: Transaction, item: Wire, change: Wire, place: str) -> Wire | None:
    if change.get("deleted"):
        return None
    price = usable_price(tx, change["price"], f"{place}[price]") if "price" in change else item["price"]
    return {**item, "price": price, "quantity": _quantity(change, item["quantity"], place)}


def _added(tx: Transaction, subscription: Wire, change: Wire, place: str) -> Wire:
    if "price" not in change:
        raise missing(f"{place}[price]")
    price = usable_price(tx, change["price"], f"{place}[price]")
    item = new_item(subscription["id"], price, _quantity(change, 1, place), tx.now)
    alike = [row for row in subscription["items"]["data"] if _length(row) == _length(item)]
    times = ("current_period_start", "current_period_end")
    return {**item, **{name: alike[0][name] for name in times}} if alike else item


def usable_price(tx: Transaction, name: str, place: str) -> Wire:
    """The price. Raises Problem unless it is active and recurring."""
    price = tx.need("price", name, place, 400)
    if not price["active"]:
        raise invalid(f"The price specified is inactive. This field only accepts active prices: {name}", place)
    if price["type"] != "recurring":
        raise invalid("The price specified is set to `type=one_time` but this field only accepts recurring.", place)
    return price


def _quantity(change: Wire, default: int, place: str) -> int:
    quantity: int = change.get("quantity", default)
    if quantity < 1:
        raise NotImplementedHere(f"{place}[quantity] below 1", f"{place}[quantity]")
    return quantity


def _check(subscription: Wire, items: list[Wire]) -> None:
    prices = [item["price"]["id"] for item in items]
    if not items:
        raise invalid("A subscription must have at least one active plan.", "items")
    if len(set(prices)) < len(prices):
        raise invalid("Cannot add multiple subscription items with the same price.", "items")
    if any(item["price"]["currency"] != subscription["currency"] for item in items):
        raise invalid("All prices of a subscription must be in its currency.", "items")


def _length(item: Wire) -> tuple[str, int]:
    recurring = item["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]
