"""One live subscription for an account. Which of several it is, does not depend on who asks or when."""

from collections.abc import Mapping

from s4_billing.store import SubscriptionRow


def superfluous(
    rows: Mapping[str, SubscriptionRow], told: Mapping[str, SubscriptionRow], created: Mapping[str, int]
) -> set[str]:
    """The live ones that should not be beside the one that is kept; all by Stripe's id.

    Kept is the one that the others were already told of (``told``, as it was before), else one that was bought by a
    checkout of ours, else one that was paid, else the elder.
    """

    def rank(name: str) -> tuple[bool, bool, bool, int, str]:
        row, before = rows[name], told.get(name)
        is_told = before is not None and before.is_told
        return (not is_told, row.checkout_id is None, not row.ever_paid, created.get(name, 0), name)

    live = [name for name, row in rows.items() if row.is_live]
    return set(live) - {min(live, key=rank, default="")}
