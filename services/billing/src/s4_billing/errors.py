"""What can be wrong between a person, us and Stripe. The code is what web is told; ids are for our log."""

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


class SignupClosed(Temporary):
    """What we would charge is not what the catalogue says, or not known yet: nothing is sold."""


class WrongWish(Permanent):
    """The checkout that was asked for cannot be: no such plan, not an address, not an id."""


class NoSuchCheckout(Permanent):
    """We never opened this checkout, or the session is not its own."""


class CheckoutOver(Permanent):
    """The account has paid, or a payment is under way: it must not be asked for money again."""
