"""Comparing everything with Stripe, when an operator asks."""

import msgspec

from s4_billing.reconcile.nightly import Everything, Report


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether accounts that differ shall follow Stripe, and whether those that only Stripe knows shall come back."""

    apply: bool = False
    lost: bool = False


async def report(everything: Everything, wish: Wish | None) -> Report:
    """A new look, or the last one. A last one that there is not is an empty one."""
    if wish is not None:
        return await everything.look(apply=wish.apply, lost=wish.lost)
    empty = Report(run_id=0, compared=0, requests=0, seconds=0.0, drift=[])
    return await everything.last() or empty
