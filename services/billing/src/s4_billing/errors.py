"""What can be wrong between a person and us. The code is what web is told; ids are for our log."""

from s4_runtime import Permanent, Temporary


class SignupClosed(Temporary):
    """What we would charge is not what the catalogue says, or not known yet: nothing is sold."""


class WrongWish(Permanent):
    """The checkout that was asked for cannot be: no such plan, not an address, not an id."""


class NoSuchCheckout(Permanent):
    """We never opened this checkout, or the session is not its own."""


class CheckoutOver(Permanent):
    """The account has paid, or a payment is under way: it must not be asked for money again."""
