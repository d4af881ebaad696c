"""Fractions of amounts in whole minor units."""


def share(amount: int, part: int, whole: int) -> int:
    """`amount * part / whole`, a half rounded away from zero, exactly. `part` and `whole` are not negative."""
    rounded = (2 * abs(amount) * part + whole) // (2 * whole)
    return rounded if amount >= 0 else -rounded
