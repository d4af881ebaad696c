"""How many bytes and objects: added up from a listing while the objects change, and exact in the end."""

from dataclasses import dataclass

from s4_node.storage.layout import ADVISORIES, LEASES, META, SHARES

KINDS = {SHARES: "shares", LEASES: "leases", ADVISORIES: "advisories"}


@dataclass(frozen=True)
class Amount:
    """Objects and all their bytes."""

    objects: int = 0
    bytes: int = 0

    def changed(self, before: int | None, after: int | None) -> "Amount":
        """As it is when one object's size changes; None is no object. Never less than nothing."""
        objects = self.objects + (after is not None) - (before is not None)
        return Amount(max(0, objects), max(0, self.bytes + (after or 0) - (before or 0)))


def kind_of(key: str) -> str | None:
    """What an object is counted as; None: it is the node's own and is not counted."""
    if key.startswith(META):
        return None
    return next((kind for root, kind in KINDS.items() if key.startswith(root)), "other")


class Tally:
    """Amounts by kind."""

    def __init__(self, amounts: dict[str, Amount] | None = None) -> None:
        self.amounts = dict(amounts or {})

    def change(self, key: str, before: int | None, after: int | None) -> None:
        """This object has another size."""
        kind = kind_of(key)
        if kind is not None:
            self.amounts[kind] = self.amounts.get(kind, Amount()).changed(before, after)

    @property
    def total(self) -> Amount:
        """Of all kinds."""
        amounts = self.amounts.values()
        return Amount(sum(amount.objects for amount in amounts), sum(amount.bytes for amount in amounts))
