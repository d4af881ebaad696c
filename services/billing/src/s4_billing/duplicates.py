"""One live subscription for an account. Which of several it is, does not depend on who asks or when."""

from collections import defaultdict
from collections.abc import Mapping

from s4_billing.store import SubscriptionRow


def superfluous(
    rows: Mapping[str, SubscriptionRow], told: Mapping[str, SubscriptionRow], created: Mapping[str, int]
) -> set[str]:
    """Those that should not be: beside the account's live one, or bought once more by the same checkout; Stripe's ids.

    Kept is the one that the others were already told of (``told``, as it was before), else one that was bought by a
    checkout of ours, else one that was paid, else the elder. What a checkout sold was sold, also when it has ended.
    """

    def rank(name: str) -> tuple[bool, bool, bool, bool, int, str]:
        row, before = rows[name], told.get(name)
        is_told = before is not None and before.is_told
        return (not is_told, not row.is_live, row.checkout_id is None, not row.ever_paid, created.get(name, 0), name)

    sales: dict[str, list[str]] = defaultdict(list)
    for name, row in rows.items():
        if row.is_told and row.checkout_id is not None:
            sales[row.checkout_id].append(name)
    again = {name for names in sales.values() for name in names} - {min(names, key=rank) for names in sales.values()}
    live = {name for name, row in rows.items() if row.is_live} - again
    return again | (live - {min(live, key=rank, default="")})
