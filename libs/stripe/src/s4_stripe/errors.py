"""What can be wrong between us and Stripe. The code is what a caller may pass on; ids are for our log."""

from s4_runtime import Permanent, Temporary


class StripeUnavailable(Temporary):
    """Stripe was silent, broken, or does not accept our key. Whether a write has happened is unknown."""


class StripeBusy(Temporary):
    """Stripe asks to wait, or is still working on the same command."""


class StripeRejected(Permanent):
    """Stripe understood and refused: nothing was done, and asking the same again gives the same."""


class NotAtStripe(StripeRejected):
    """Stripe does not have such an object. An answer, not a failure."""


class KeySpent(StripeRejected):
    """Stripe failed at the first try, keeps that answer for the key, and may or may not have made the object."""


class CardDeclined(StripeRejected):
    """The bank said no. ``reason`` is Stripe's decline code, or "authenticate" if the cardholder must confirm."""
