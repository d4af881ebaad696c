"""What can be wrong between a person and us. The code is what web is told; ids are for our log."""

from s4_runtime import Permanent, Temporary


class SignupClosed(Temporary):
    """What we would charge is not what the catalogue says, or not known yet: nothing is sold."""


class SoldOut(Temporary):
    """No grid of the plan can be built now: nobody is asked for money for it."""


class TooMany(Temporary):
    """So many checkouts were opened by the same that no more is, for a while."""


class WrongWish(Permanent):
    """What was asked for cannot be: no such plan, not an address, not an id."""


class NoSuchCheckout(Permanent):
    """We never opened this checkout, or the session is not its own."""


class NoSuchAccount(Permanent):
    """We know no such account, or nothing of this name that is the account's."""


class CheckoutOver(Permanent):
    """The account has paid, or a payment is under way: it must not be asked for money again."""


class NotNow(Permanent):
    """The account's subscription is not in a state in which this can be done. The code says which."""


class DoesNotFit(Permanent):
    """More is stored than the wished plan holds. The ids say how much, and how much of it would have to go."""
